"""AWS::EKS::Nodegroup together with its launch template."""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.catalog.types import InstanceType, Vendor
from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.facts import catalogued, eks_names, instance_type_names, nearest
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import Unknown, dig, is_given, is_known, items, number

WITHDRAWN_IMAGE_PREFIX = "AL2_"
"""Amazon Linux 2: EKS publishes no image since 2025-11-26 (EKS user guide, eks-ami-deprecation-faqs)."""

NEURON_DRIVER_IMAGES = frozenset({"AL2023_x86_64_NEURON", "BOTTLEROCKET_x86_64", "BOTTLEROCKET_x86_64_FIPS"})
"""Bottlerocket has the Neuron driver in its plain variant (EKS user guide, ml-eks-optimized-ami)."""


def launch_template_of(group: Resource) -> Resource | None:
    """The launch template, where it stands in the same template."""
    type_ = "AWS::EC2::LaunchTemplate"
    reference = group.get("LaunchTemplate", "Id") or group.get("LaunchTemplate", "Name")
    return group.template.follow(reference, type_)


def instance_types_of(group: Resource) -> list[str]:
    """Types by name, from the group and from its launch template; types that are not known are left out."""
    template = launch_template_of(group)
    named = [*items(group.get("InstanceTypes")), template and template.get("LaunchTemplateData", "InstanceType")]
    return [name for name in named if isinstance(name, str) and is_known(name)]


def _type_unknown(group: Resource) -> Iterator[str]:
    for name in items(group.get("InstanceTypes")):
        yield from unknown_type(name)


def unknown_type(name: object) -> Iterator[str]:
    """One message where EC2 has no type of this name."""
    if isinstance(name, str) and is_known(name) and name not in instance_type_names():
        yield f"EC2 has no instance type {name}{nearest(name, instance_type_names())}"


def _type_twice(group: Resource) -> Iterator[str]:
    template = launch_template_of(group)
    if template and is_given(template.get("LaunchTemplateData"), "InstanceType") and group.get("InstanceTypes"):
        yield "instance types are named by the group and by its launch template"


def _types_mixed(group: Resource) -> Iterator[str]:
    known = [kind for kind in map(catalogued, instance_types_of(group)) if kind]
    if len({(kind.architecture, _device(kind), kind.accelerator_count) for kind in known}) > 1:
        yield f"{', '.join(kind.name for kind in known)} differ in accelerator or processor"


def _device(kind: InstanceType) -> str:
    return kind.accelerator.name if kind.accelerator else ""


def _image_missing(group: Resource) -> Iterator[str]:
    template = launch_template_of(group)
    own_image = template is not None and template.get("LaunchTemplateData", "ImageId") is not None
    if group.get("AmiType") is None and not own_image:
        yield "EKS would choose the machine image"


def _image_withdrawn(group: Resource) -> Iterator[str]:
    image = group.get("AmiType")
    if isinstance(image, str) and image.startswith(WITHDRAWN_IMAGE_PREFIX):
        yield f"{image} is no longer published"


def _image_unknown(group: Resource) -> Iterator[str]:
    image = group.get("AmiType")
    known = eks_names("ami_types")
    if isinstance(image, str) and is_known(image) and image not in known:
        yield f"EKS has no AMI type {image}{nearest(image, known)}"


def _image_mismatch(group: Resource) -> Iterator[str]:
    image = group.get("AmiType")
    if (
        not isinstance(image, str)
        or image not in eks_names("ami_types")
        or image == "CUSTOM"
        or image.startswith(WITHDRAWN_IMAGE_PREFIX)
    ):
        return
    for kind in map(catalogued, instance_types_of(group)):
        if kind:
            yield from _mismatch(image, kind)


def _mismatch(image: str, kind: InstanceType) -> Iterator[str]:
    if ("ARM_64" in image) != (kind.architecture == "arm64"):
        yield f"{image} does not run on {kind.name}, which is {kind.architecture}"
    vendor = kind.accelerator.vendor if kind.accelerator else None
    if (vendor is Vendor.NVIDIA) != ("NVIDIA" in image):
        has = "without" if vendor is Vendor.NVIDIA else "with"
        yield f"{image} comes {has} the NVIDIA driver, {kind.name} has {_device(kind) or 'no accelerator'}"
    elif vendor is Vendor.NEURON and image not in NEURON_DRIVER_IMAGES:
        yield f"{image} comes without the Neuron driver, {kind.name} has {_device(kind)}"
    elif vendor is not Vendor.NEURON and image.endswith("NEURON"):
        yield f"{image} comes with the Neuron driver, {kind.name} has {_device(kind) or 'no accelerator'}"


def _scaling(group: Resource) -> Iterator[str]:
    least, most, wanted = (number(group.get("ScalingConfig", key)) for key in ("MinSize", "MaxSize", "DesiredSize"))
    if least is not None and most is not None and least > most:
        yield f"MinSize {least:g} is above MaxSize {most:g}"
        return
    if wanted is not None and least is not None and wanted < least:
        yield f"DesiredSize {wanted:g} is below MinSize {least:g}"
    if wanted is not None and most is not None and wanted > most:
        yield f"DesiredSize {wanted:g} is above MaxSize {most:g}"


def _forced(group: Resource) -> Iterator[str]:
    if group.get("ForceUpdateEnabled") in (True, "true"):
        yield "an update evicts pods against their disruption budget"


def _untainted(group: Resource) -> Iterator[str]:
    devices = [kind for kind in map(catalogued, instance_types_of(group)) if kind and kind.shows_accelerator]
    if devices and group.get("Taints") in (None, []):
        yield f"any pod can take a node of {devices[0].name}"


def _update_size(group: Resource) -> Iterator[str]:
    update = group.get("UpdateConfig")
    if is_given(update, "MaxUnavailable") and is_given(update, "MaxUnavailablePercentage"):
        yield "MaxUnavailable and MaxUnavailablePercentage are both given"


def _market(group: Resource) -> Iterator[str]:
    """Capacity type of the group and market of its launch template say the same."""
    template = launch_template_of(group)
    if template is None:
        return
    data = template.get("LaunchTemplateData")
    capacity = group.get("CapacityType") or "ON_DEMAND"
    market = dig(data, "InstanceMarketOptions", "MarketType")
    if isinstance(capacity, Unknown) or isinstance(market, Unknown):
        return
    if (capacity == "CAPACITY_BLOCK") != (market == "capacity-block"):
        yield f"the group's capacity type is {capacity}, the launch template's market {market or 'none'}"
    elif market == "spot":
        yield "the launch template asks for spot itself, which EKS rejects"


def _capacity_block(group: Resource) -> Iterator[str]:
    if group.get("CapacityType") != "CAPACITY_BLOCK":
        return
    template = launch_template_of(group)
    subnets = group.get("Subnets")
    if isinstance(subnets, list) and len(subnets) != 1:
        yield f"a capacity block lies in one zone and the group in {len(subnets)} subnets"
    if number(group.get("ScalingConfig", "MinSize")):
        yield "MinSize keeps nodes that end with the block: it cannot be drained before"
    if group.get("LaunchTemplate") is None:
        yield "a capacity block needs a launch template that names it"
    if template is None:
        return
    data = template.get("LaunchTemplateData")
    target = dig(data, "CapacityReservationSpecification", "CapacityReservationTarget")
    if dig(target, "CapacityReservationId") is None and dig(target, "CapacityReservationResourceGroupArn") is None:
        yield "the launch template names no capacity reservation"
    if dig(data, "InstanceType") is None:
        yield "the launch template of a capacity block has to name the one instance type"


def _repair(group: Resource) -> Iterator[str]:
    enabled = group.get("NodeRepairConfig", "Enabled")
    devices = [kind for kind in map(catalogued, instance_types_of(group)) if kind and kind.shows_accelerator]
    if devices and enabled not in (True, "true") and not isinstance(enabled, Unknown):
        yield "a node whose accelerator fails stays in service"


_GROUP = ("AWS::EKS::Nodegroup",)

RULES = (
    Rule(
        "node-type-unknown", _GROUP, "an instance type that EC2 does not have",
        "Types are free text to every schema; the group fails after twenty minutes.", "use the name of a type",
        _type_unknown,
    ),
    Rule(
        "node-type-twice", _GROUP, "instance types in the group and in its launch template",
        "EKS accepts them in one place only.", "remove one of the two", _type_twice,
    ),
    Rule(
        "node-types-mixed", _GROUP, "types with different accelerators or processors in one group",
        "The scheduler counts on equal nodes, and one machine image serves one processor and one vendor.",
        "make a group of each", _types_mixed,
    ),
    Rule(
        "node-image-implicit", _GROUP, "no AMI type",
        "EKS and CDK choose a withdrawn Amazon Linux 2 image for accelerated types.", "set AmiType", _image_missing,
    ),
    Rule(
        "node-image-withdrawn", _GROUP, "an Amazon Linux 2 image",
        "EKS publishes none since 2025-11-26 and none for Kubernetes 1.33 or later.", "use an AL2023 image",
        _image_withdrawn,
    ),
    Rule(
        "node-image-unknown", _GROUP, "an AMI type that EKS does not have",
        "CDK spells the constants with a capital X86, CloudFormation does not.", "use CloudFormation's spelling",
        _image_unknown,
    ),
    Rule(
        "node-image-mismatch", _GROUP, "an image without the driver, or for another processor",
        "Nodes join and never show their accelerator, or never start.", "use the catalogue's AMI type of the type",
        _image_mismatch,
    ),
    Rule(
        "node-scaling-contradiction", _GROUP, "MinSize, DesiredSize and MaxSize out of order",
        "No schema compares them.", "put them in order", _scaling,
    ),
    Rule(
        "node-update-forced", _GROUP, "updates override disruption budgets",
        "An update takes the last replica of a model down.", "set ForceUpdateEnabled to false", _forced,
    ),
    Rule(
        "node-taint-missing", _GROUP, "an accelerated group without a taint",
        "Pods that need no accelerator fill the dearest nodes.", "taint it with the accelerator's resource name",
        _untainted,
    ),
    Rule(
        "node-update-ambiguous", _GROUP, "two limits for one update", "EKS accepts one of them.", "remove one",
        _update_size,
    ),
    Rule(
        "node-market-mismatch", _GROUP, "capacity type and market options disagree",
        "EKS rejects the group, or it runs at another price than planned.",
        "give the launch template MarketType capacity-block exactly where CapacityType is CAPACITY_BLOCK", _market,
    ),
    Rule(
        "node-capacity-block", _GROUP, "a capacity block group that lacks reservation, type or zone, or cannot shrink",
        "EKS rejects the group when any of them is missing, and what cannot shrink is cut off when the block ends.",
        "name reservation and type in the launch template, one subnet in the block's zone, and MinSize 0",
        _capacity_block,
    ),
    Rule(
        "node-repair-off", _GROUP, "accelerated nodes without automatic repair",
        "A node with a failed device keeps its pods and takes new ones.", "set NodeRepairConfig.Enabled", _repair,
    ),
)  # fmt: skip
