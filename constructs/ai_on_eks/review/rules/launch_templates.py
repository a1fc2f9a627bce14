"""AWS::EC2::LaunchTemplate: metadata, disks, and network interfaces with EFA."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.facts import catalogued
from ai_on_eks.review.rules.node_groups import instance_types_of, launch_template_of, unknown_type
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.security_groups import groups_of, may_reach_itself
from ai_on_eks.review.rules.values import Unknown, dig, is_given, is_known, items, number, possible_items

INTERFACE_TYPES = ("interface", "efa", "efa-only")
EFA_TYPES = ("efa", "efa-only")
LARGEST_DEVICE_INDEX = 1
"""On a card that carries EFA: device 0, and device 1 beside it (EC2 user guide, EFA with multiple network cards)."""

LEAST_IOPS_PER_MIBPS = 4
"""gp3: at most 0.25 MiB/s for each provisioned I/O per second (EBS user guide, gp3)."""

DEFAULT_GP3_IOPS = 3000


def _data(template: Resource) -> Any:
    return template.get("LaunchTemplateData")


def _metadata(template: Resource) -> Iterator[str]:
    options = dig(_data(template), "MetadataOptions")
    tokens, hops = dig(options, "HttpTokens"), dig(options, "HttpPutResponseHopLimit")
    if tokens != "required" and not isinstance(tokens, Unknown):
        yield "the metadata service answers without a token"
    if number(hops) != 1 and not isinstance(hops, Unknown):
        yield f"the metadata service answers pods: the hop limit is {hops if hops is not None else 'left to EKS'}"


def _encryption(template: Resource) -> Iterator[str]:
    for mapping in items(dig(_data(template), "BlockDeviceMappings")):
        encrypted = dig(mapping, "Ebs", "Encrypted")
        if dig(mapping, "Ebs") is not None and encrypted not in (True, "true") and not isinstance(encrypted, Unknown):
            yield f"the volume at {dig(mapping, 'DeviceName')} is not encrypted"


def _no_root_volume(template: Resource) -> Iterator[str]:
    if not dig(_data(template), "BlockDeviceMappings"):
        yield "the root volume has the image's size and no encryption of its own"


def _throughput(template: Resource) -> Iterator[str]:
    for mapping in items(dig(_data(template), "BlockDeviceMappings")):
        disk = dig(mapping, "Ebs")
        speed = number(dig(disk, "Throughput"))
        iops = number(dig(disk, "Iops")) if dig(disk, "Iops") is not None else float(DEFAULT_GP3_IOPS)
        if speed and iops and dig(disk, "VolumeType") == "gp3" and speed * LEAST_IOPS_PER_MIBPS > iops:
            yield f"{speed:g} MiB/s needs {speed * LEAST_IOPS_PER_MIBPS:g} IOPS, the volume has {iops:g}"


def _type_unknown(template: Resource) -> Iterator[str]:
    yield from unknown_type(dig(_data(template), "InstanceType"))


def _managed_by_eks(template: Resource) -> Iterator[str]:
    """What EKS rejects in the launch template of a managed node group (EKS user guide, launch-templates)."""
    if not _groups(template):
        return
    data = _data(template)
    if is_given(data, "IamInstanceProfile"):
        yield "names an instance profile; the group's NodeRole takes its place"
    if is_given(data, "HibernationOptions"):
        yield "asks for hibernation"
    if any(is_given(one, "SubnetId") for one in _interfaces(template)):
        yield "a network interface names a subnet; the group's Subnets take its place"


def _public_address(template: Resource) -> Iterator[str]:
    if any(dig(one, "AssociatePublicIpAddress") in (True, "true") for one in _interfaces(template)):
        yield "nodes get a public address"


def _interfaces(template: Resource) -> list[Any]:
    return items(dig(_data(template), "NetworkInterfaces"))


def _groups(template: Resource) -> list[Resource]:
    return [one for one in template.template.of_type("AWS::EKS::Nodegroup") if launch_template_of(one) is template]


def has_efa(template: Resource) -> bool:
    return any(dig(one, "InterfaceType") in EFA_TYPES for one in _interfaces(template))


def _kind(template: Resource) -> InstanceType | None:
    """The one type the template is for; None where it is not known or there are several."""
    names = {name for group in _groups(template) for name in instance_types_of(group)}
    own = dig(_data(template), "InstanceType")
    names |= {own} if isinstance(own, str) else set()
    return catalogued(names.pop()) if len(names) == 1 else None


def _interface_type(template: Resource) -> Iterator[str]:
    for one in _interfaces(template):
        type_ = dig(one, "InterfaceType")
        if isinstance(type_, str) and is_known(type_) and type_ not in INTERFACE_TYPES:
            yield f"{type_} is no interface type of an instance; {', '.join(INTERFACE_TYPES)} are"


def _place(one: Any) -> tuple[float | None, float | None]:
    card, device = dig(one, "NetworkCardIndex"), dig(one, "DeviceIndex")
    return number(0 if card is None else card), number(0 if device is None else device)


def _interface_places(template: Resource) -> Iterator[str]:
    interfaces = _interfaces(template)
    if not interfaces or not is_known([[_place_values(one)] for one in interfaces]):
        return
    places = [_place(one) for one in interfaces]
    for (card, device), count in Counter(places).items():
        if count > 1:
            yield f"card {card:g} device {device:g} is given {count} times"
    if (0, 0) not in places:
        yield "card 0 device 0, the node's own interface, is missing"
    for one, (card, device) in zip(interfaces, places, strict=True):
        if (card, device) == (0, 0) and dig(one, "InterfaceType") == "efa-only":
            yield "card 0 device 0 is efa-only and has no address"
        if device is not None and device > LARGEST_DEVICE_INDEX and dig(one, "InterfaceType") in EFA_TYPES:
            yield f"EFA on device {device:g} of card {card:g}; a card carries it on device 0 or 1"


def _place_values(one: Any) -> list[Any]:
    return [dig(one, "NetworkCardIndex"), dig(one, "DeviceIndex")]


def _interface_count(template: Resource) -> Iterator[str]:
    kind = _kind(template)
    if kind is None or not _interfaces(template):
        return
    adapters = sum(dig(one, "InterfaceType") in EFA_TYPES for one in _interfaces(template))
    if adapters > kind.efa_interfaces:
        yield f"{adapters} EFA interfaces, {kind.name} has {kind.efa_interfaces}"
    cards = {card for card, _ in map(_place, _interfaces(template)) if card is not None}
    beyond = sorted(card for card in cards if kind.network_cards and card >= kind.network_cards)
    if beyond:
        yield f"network card {beyond[0]:g}, {kind.name} has {kind.network_cards} from 0"


def _placement(template: Resource) -> Any:
    return dig(_data(template), "Placement", "GroupName") or dig(_data(template), "Placement", "GroupId")


def _is_reserved(template: Resource) -> bool:
    target = dig(_data(template), "CapacityReservationSpecification", "CapacityReservationTarget")
    return target is not None or _is_block(template)


def _is_block(template: Resource) -> bool:
    return bool(dig(_data(template), "InstanceMarketOptions", "MarketType") == "capacity-block")


def _placement_group(template: Resource) -> Iterator[str]:
    """Reserved instances stand where their reservation was made; another rule is about them."""
    if not has_efa(template) or _is_reserved(template):
        return
    named = _placement(template)
    if named is None:
        yield "EFA without a placement group"
        return
    group = template.template.follow(named, "AWS::EC2::PlacementGroup")
    strategy = group.get("Strategy") if group else "cluster"
    if strategy != "cluster" and not isinstance(strategy, Unknown):
        yield f"the placement group's strategy is {strategy or 'left to EC2'}"


def _reserved_elsewhere(template: Resource) -> Iterator[str]:
    named = _placement(template)
    if named is None or not _is_reserved(template):
        return
    if _is_block(template):
        yield "a capacity block is asked for in a placement group"
    elif template.template.follow(named, "AWS::EC2::PlacementGroup"):
        yield "the reservation was not made in the placement group, which is newer than it"


def _security_groups(template: Resource) -> Iterator[str]:
    """EKS attaches the cluster's group only to nodes whose template names no interface."""
    interfaces = _interfaces(template)
    if not interfaces:
        return
    if is_given(_data(template), "SecurityGroupIds"):
        yield "security groups are named beside the network interfaces"
    own = [one for one in interfaces if _place(one) == (0, 0)]
    if _groups(template) and any(dig(one, "Groups") in (None, []) for one in own):
        yield "card 0 device 0 names no security group, and EKS adds none"


def _efa_zones(template: Resource) -> Iterator[str]:
    for group in _groups(template):
        subnets = group.get("Subnets")
        if has_efa(template) and isinstance(subnets, list) and len(subnets) > 1:
            yield f"{group.name} spreads nodes with EFA over {len(subnets)} subnets"


def _efa_security_group(template: Resource) -> Iterator[str]:
    """Groups that stand elsewhere are not judged; one group that lets everything through is enough."""
    if not has_efa(template):
        return
    groups = groups_of(template, [ref for one in _interfaces(template) for ref in possible_items(dig(one, "Groups"))])
    for direction in ("Ingress", "Egress"):
        if groups and not any(may_reach_itself(group, direction) for group in groups):
            yield f"no security group has an {direction.lower()} rule of all traffic to itself"


_TEMPLATE = ("AWS::EC2::LaunchTemplate",)

RULES = (
    Rule(
        "node-metadata-open", _TEMPLATE, "the metadata service without tokens or beyond one hop",
        "A pod reads the node's credentials.", "set HttpTokens to required and HttpPutResponseHopLimit to 1", _metadata,
    ),
    Rule(
        "node-volume-unencrypted", _TEMPLATE, "an EBS volume without encryption",
        "Weights, caches and logs lie in the clear on disks that are handed on.", "set Encrypted", _encryption,
    ),
    Rule(
        "node-volume-implicit", _TEMPLATE, "no root volume",
        "The image's 20 GiB do not hold one serving image, and 125 MiB/s make pulling it slow.",
        "give BlockDeviceMappings", _no_root_volume,
    ),
    Rule(
        "node-volume-throughput", _TEMPLATE, "gp3 throughput above a quarter of its IOPS",
        "EC2 rejects the volume when the node starts, not when the stack is made.", "raise Iops", _throughput,
    ),
    Rule(
        "launch-type-unknown", _TEMPLATE, "an instance type that EC2 does not have",
        "Types are free text to every schema.", "use the name of a type", _type_unknown,
    ),
    Rule(
        "launch-setting-rejected", _TEMPLATE, "a setting that EKS rejects in the template of a managed group",
        "The group fails to be made.", "remove it", _managed_by_eks,
    ),
    Rule(
        "node-public-address", _TEMPLATE, "nodes with a public address",
        "Nodes are reachable from the internet but for their security group.",
        "set AssociatePublicIpAddress to false", _public_address,
    ),
    Rule(
        "efa-interface-type", _TEMPLATE, "an interface type that instances do not have",
        "The schema takes any text.", "use interface, efa or efa-only", _interface_type,
    ),
    Rule(
        "efa-interface-place", _TEMPLATE, "card and device indices that clash, or lack the node's own interface",
        "EC2 refuses to start the node, or the node has no address.",
        "make card 0 device 0 interface or efa and give every other place once", _interface_places,
    ),
    Rule(
        "efa-interface-count", _TEMPLATE, "more EFA interfaces or cards than the type has",
        "EC2 refuses to start the node.", "take the numbers from `ai-on-eks catalog show`", _interface_count,
    ),
    Rule(
        "efa-placement", _TEMPLATE, "EFA outside a cluster placement group",
        "Nodes far apart talk slower than the adapters can.", "name a placement group of strategy cluster",
        _placement_group,
    ),
    Rule(
        "efa-placement-reserved", _TEMPLATE, "reserved instances in a placement group they were not reserved in",
        "EC2 answers that there is no capacity although the reservation is empty, and refuses it for a Capacity Block.",
        "leave Placement out, or name the group that the reservation was made in", _reserved_elsewhere,
    ),
    Rule(
        "launch-security-groups", _TEMPLATE, "network interfaces without security groups of their own",
        "EC2 refuses groups beside interfaces, and gives one without groups the VPC's default: the node never joins.",
        "name the cluster's security group in Groups of card 0 device 0", _security_groups,
    ),
    Rule(
        "efa-zones", _TEMPLATE, "EFA nodes in several subnets",
        "EFA does not cross zones: replicas that span nodes hang.", "give the group one subnet", _efa_zones,
    ),
    Rule(
        "efa-security-group", _TEMPLATE, "EFA without all traffic from and to its own security group",
        "Traffic falls back to TCP without a word. CDK drops such an egress rule where all outbound is allowed.",
        "add ingress and egress of protocol -1 between the group and itself", _efa_security_group,
    ),
)  # fmt: skip
