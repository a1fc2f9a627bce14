"""NodePool, EC2NodeClass and what came before them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.facts import catalogued, instance_type_names, nearest
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import Unknown, dig, is_known, items, number

OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Gte", "Lte")
"""Of a NodePool requirement (Karpenter 1.14, karpenter.sh/v1)."""

RETIRED_KINDS = ("Provisioner", "AWSNodeTemplate", "Machine")
CURRENT_VERSIONS = {"NodePool": ("karpenter.sh/v1",), "EC2NodeClass": ("karpenter.k8s.aws/v1",)}
AUTO_MODE_GROUP = "eks.amazonaws.com"
KARPENTER_LABELS = "karpenter.k8s.aws/"
ACCELERATOR_LABELS = ("instance-gpu-", "instance-accelerator-")


def _retired(one: KubeObject) -> Iterator[str]:
    if one.kind in RETIRED_KINDS:
        yield f"Karpenter 1 has no {one.kind}"
    allowed = CURRENT_VERSIONS.get(one.kind)
    if allowed and one.group.startswith("karpenter") and one.body.get("apiVersion") not in allowed:
        yield f"{one.body.get('apiVersion')} was removed in Karpenter 1.1"


def _requirements(pool: KubeObject) -> list[Any]:
    return items(pool.get("spec", "template", "spec", "requirements"))


def _operator(pool: KubeObject) -> Iterator[str]:
    for requirement in _requirements(pool):
        operator = dig(requirement, "operator")
        if operator not in OPERATORS:
            yield f"{dig(requirement, 'key')}: no operator {operator}{nearest(str(operator), OPERATORS)}"


def _pool_types(pool: KubeObject) -> list[str]:
    return [
        value
        for requirement in _requirements(pool)
        if dig(requirement, "key") == "node.kubernetes.io/instance-type" and dig(requirement, "operator") == "In"
        for value in items(dig(requirement, "values"))
        if isinstance(value, str) and is_known(value)
    ]


def _pool_type_unknown(pool: KubeObject) -> Iterator[str]:
    for name in _pool_types(pool):
        if name not in instance_type_names():
            yield f"EC2 has no instance type {name}{nearest(name, instance_type_names())}"


def _limits(pool: KubeObject) -> Iterator[str]:
    if not pool.get("spec", "limits") and pool.get("spec", "replicas") is None:
        yield "nothing ends its growth"


def _accelerated(pool: KubeObject) -> bool:
    if any((kind := catalogued(name)) and kind.accelerator for name in _pool_types(pool)):
        return True
    taints = [str(dig(taint, "key")) for taint in items(pool.get("spec", "template", "spec", "taints"))]
    keys = [str(dig(requirement, "key")) for requirement in _requirements(pool)]
    return any(taint.startswith(("nvidia.com/", "aws.amazon.com/neuron")) for taint in taints) or any(
        part in key and dig(requirement, "operator") in ("In", "Exists", "Gt", "Gte")
        for key, requirement in zip(keys, _requirements(pool), strict=True)
        for part in ACCELERATOR_LABELS
    )


def _consolidation(pool: KubeObject) -> Iterator[str]:
    policy = pool.get("spec", "disruption", "consolidationPolicy") or "WhenEmptyOrUnderutilized"
    if _accelerated(pool) and policy != "WhenEmpty" and not isinstance(policy, Unknown):
        yield f"the consolidation policy is {policy}"


def _pool_untainted(pool: KubeObject) -> Iterator[str]:
    if _accelerated(pool) and not pool.get("spec", "template", "spec", "taints"):
        yield "any pod can make it buy an accelerated node"


def _labels_of_mode(pool: KubeObject) -> Iterator[str]:
    group = pool.get("spec", "template", "spec", "nodeClassRef", "group")
    wrong = KARPENTER_LABELS if group == AUTO_MODE_GROUP else f"{AUTO_MODE_GROUP}/"
    for requirement in _requirements(pool):
        key = dig(requirement, "key")
        if isinstance(key, str) and isinstance(group, str) and key.startswith(wrong):
            yield f"{key} is no label of nodes of {group}"


def _image_floats(node_class: KubeObject) -> Iterator[str]:
    for term in items(node_class.get("spec", "amiSelectorTerms")):
        alias = dig(term, "alias")
        if isinstance(alias, str) and alias.endswith("@latest"):
            yield f"{alias} changes under running nodes"


def _no_image(node_class: KubeObject) -> Iterator[str]:
    if node_class.group != AUTO_MODE_GROUP and not node_class.get("spec", "amiSelectorTerms"):
        yield "amiSelectorTerms is missing"
    for value in (
        node_class.get("spec", "amiFamily"),
        *(dig(term, "alias") for term in items(node_class.get("spec", "amiSelectorTerms"))),
    ):
        if isinstance(value, str) and value.lower().partition("@")[0] == "al2":
            yield f"{value} is Amazon Linux 2, of which EKS publishes no image"


def _class_metadata(node_class: KubeObject) -> Iterator[str]:
    options = node_class.get("spec", "metadataOptions")
    hops, tokens = dig(options, "httpPutResponseHopLimit"), dig(options, "httpTokens")
    if number(hops) != 1 and not isinstance(hops, Unknown):
        yield f"the hop limit is {hops if hops is not None else 'not given'}"
    if tokens != "required" and not isinstance(tokens, Unknown):
        yield "tokens are not required by what is given"


def _class_encryption(node_class: KubeObject) -> Iterator[str]:
    mappings = items(node_class.get("spec", "blockDeviceMappings"))
    if not mappings:
        yield "the root volume has the image's 20 GiB and no encryption of its own"
    for mapping in mappings:
        if dig(mapping, "ebs", "encrypted") is not True:
            yield f"the volume at {dig(mapping, 'deviceName')} is not encrypted"


def _class_role(node_class: KubeObject) -> Iterator[str]:
    if node_class.get("spec", "role") is None and node_class.get("spec", "instanceProfile") is None:
        yield "neither role nor instanceProfile is given"
    elif node_class.get("spec", "role") is not None and node_class.get("spec", "instanceProfile") is not None:
        yield "role and instanceProfile are both given"


_POOL = ("NodePool",)
_CLASS = ("EC2NodeClass",)

RULES = (
    Rule(
        "karpenter-retired", (*RETIRED_KINDS, "NodePool", "EC2NodeClass"), "a kind or version that Karpenter 1 removed",
        "The object is rejected, or read by nobody.", "use karpenter.sh/v1 and karpenter.k8s.aws/v1", _retired,
    ),
    Rule(
        "karpenter-operator-unknown", _POOL, "a requirement with an operator that does not exist",
        "The pool is rejected.", f"use one of {', '.join(OPERATORS)}", _operator,
    ),
    Rule(
        "karpenter-type-unknown", _POOL, "an instance type that EC2 does not have",
        "The pool never makes a node and pods stay pending.", "use the name of a type", _pool_type_unknown,
    ),
    Rule(
        "karpenter-limits-missing", _POOL, "a pool without limits",
        "A mistake in a replica count buys GPUs until the quota ends.", "set spec.limits", _limits,
    ),
    Rule(
        "karpenter-consolidation", _POOL, "an accelerated pool that moves running pods",
        "Karpenter evicts a serving model to save a node, and loading it again takes minutes.",
        "set consolidationPolicy to WhenEmpty", _consolidation,
    ),
    Rule(
        "karpenter-taint-missing", _POOL, "an accelerated pool without a taint",
        "Pods that need no accelerator buy the dearest nodes.", "taint it with the accelerator's resource name",
        _pool_untainted,
    ),
    Rule(
        "karpenter-label-prefix", _POOL, "labels of Karpenter in an Auto Mode pool, or the other way round",
        "No node has the label, so the pool never makes one.",
        "use eks.amazonaws.com/ in Auto Mode and karpenter.k8s.aws/ otherwise", _labels_of_mode,
    ),
    Rule(
        "karpenter-image-floats", _CLASS, "an AMI alias @latest",
        "A new image replaces every node overnight, tested or not.", "name the dated version", _image_floats,
    ),
    Rule(
        "karpenter-image-missing", _CLASS, "no image, or one of Amazon Linux 2",
        "The class is rejected, or finds no image.", "set amiSelectorTerms to an al2023 or bottlerocket alias",
        _no_image,
    ),
    Rule(
        "karpenter-metadata-open", _CLASS, "metadata options left open or to the default",
        "A pod reads the node's credentials.", "set httpTokens to required and httpPutResponseHopLimit to 1",
        _class_metadata,
    ),
    Rule(
        "karpenter-volume-unencrypted", _CLASS, "a volume without size and encryption of its own",
        "Weights and caches lie in the clear, and 20 GiB do not hold one serving image.",
        "give blockDeviceMappings with encrypted: true", _class_encryption,
    ),
    Rule(
        "karpenter-role", _CLASS, "a node class without exactly one of role and instance profile",
        "The class is rejected and the pool never makes a node.", "set spec.role", _class_role,
    ),
)  # fmt: skip
