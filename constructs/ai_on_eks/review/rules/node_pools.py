"""NodePools and the classes they name, together: what the API server rejects, and what it takes and never serves.

The server's own rules (CEL, in the definitions of Karpenter 1.15) are among them because nothing else evaluates them
before a deployment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.facts import nearest
from ai_on_eks.review.rules.karpenter import AUTO_MODE_GROUP
from ai_on_eks.review.rules.node_starts import LOCKED_MEMORY
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import Unknown, dig, is_known, items, number

CAPACITY_TYPE = "karpenter.sh/capacity-type"
CAPACITY_TYPES = ("reserved", "on-demand", "spot")
CLASS_KINDS = ("EC2NodeClass", "NodeClass")
BUILT_IN_CLASS = "default"
"""Auto Mode's own class: made by EKS, and no name for another."""

LONGEST_LIFE_HOURS = 21 * 24
"""Of a node of Auto Mode (EKS user guide, automode, 2026-11)."""

RESERVED_TAGS = ("eks:eks-cluster-name", "kubernetes.io/cluster", "karpenter.sh/", "karpenter.k8s.aws/ec2nodeclass")
STORAGE_RANGES = {"iops": (3000, 16000), "throughput": (125, 1000)}
"""Of Auto Mode's ephemeral storage (EKS user guide, create-node-class, 2026-11)."""


def _requirements(pool: KubeObject) -> list[Any]:
    return items(pool.get("spec", "template", "spec", "requirements"))


def _capacity_types(pool: KubeObject) -> list[Any]:
    """What the pool's nodes may be bought as; nothing where it leaves that open."""
    return [
        value
        for requirement in _requirements(pool)
        if dig(requirement, "key") == CAPACITY_TYPE and dig(requirement, "operator") == "In"
        for value in items(dig(requirement, "values"))
    ]


def _capacity_type_unknown(pool: KubeObject) -> Iterator[str]:
    for value in _capacity_types(pool):
        if isinstance(value, str) and is_known(value) and value not in CAPACITY_TYPES:
            yield f"nodes are never bought as {value}{nearest(value, CAPACITY_TYPES)}"


def _classes(assembly_of: KubeObject, group: Any) -> list[KubeObject]:
    return [one for one in assembly_of.assembly.of_kind(*CLASS_KINDS) if one.group == group]


def _class_of(pool: KubeObject) -> KubeObject | None:
    reference = pool.get("spec", "template", "spec", "nodeClassRef")
    found = [one for one in _classes(pool, dig(reference, "group")) if one.name == dig(reference, "name")]
    return found[0] if found else None


def _class_missing(pool: KubeObject) -> Iterator[str]:
    """Told only where classes of the group are deployed with the pool: another repository may have this one."""
    reference = pool.get("spec", "template", "spec", "nodeClassRef")
    group, name = dig(reference, "group"), dig(reference, "name")
    built_in = group == AUTO_MODE_GROUP and name == BUILT_IN_CLASS
    if is_known([group, name]) and not built_in and _classes(pool, group) and _class_of(pool) is None:
        yield f"there is no class {name}{nearest(str(name), [one.name for one in _classes(pool, group)])}"


def _reserved_unselected(pool: KubeObject) -> Iterator[str]:
    chosen = _class_of(pool)
    if chosen is None or "reserved" not in _capacity_types(pool):
        return
    terms = chosen.get("spec", "capacityReservationSelectorTerms")
    if not terms and not isinstance(terms, Unknown):
        yield f"class {chosen.name} selects no reservation"


def _reservation_unused(node_class: KubeObject) -> Iterator[str]:
    if not node_class.get("spec", "capacityReservationSelectorTerms"):
        return
    pools = [one for one in node_class.assembly.of_kind("NodePool") if _class_of(one) is node_class]
    known = all(is_known(_requirements(pool)) for pool in pools)
    if pools and known and not any("reserved" in (_capacity_types(pool) or ["reserved"]) for pool in pools):
        yield f"no pool of it allows reserved nodes: {', '.join(pool.name for pool in pools)}"


def _static(pool: KubeObject) -> Iterator[str]:
    if pool.get("spec", "replicas") is None:
        return
    if pool.get("spec", "weight") is not None:
        yield "replicas and weight are both given"
    limits = pool.get("spec", "limits")
    others = sorted(set(limits) - {"nodes"}) if isinstance(limits, dict) else []
    if others:
        yield f"a number of replicas and limits of {', '.join(others)}"


def _life(pool: KubeObject) -> Iterator[str]:
    if pool.get("spec", "template", "spec", "nodeClassRef", "group") != AUTO_MODE_GROUP:
        return
    age = pool.get("spec", "template", "spec", "expireAfter")
    hours = number(age[:-1]) if isinstance(age, str) and age.endswith("h") else None
    if age == "Never" or (hours is not None and hours > LONGEST_LIFE_HOURS):
        yield f"nodes expire after {age}"


def _restricted_labels(pool: KubeObject) -> Iterator[str]:
    labels = pool.get("spec", "template", "metadata", "labels")
    keys = [*(labels if isinstance(labels, dict) else {}), *(dig(one, "key") for one in _requirements(pool))]
    for key in keys:
        domain = key.partition("/")[0] if isinstance(key, str) and "/" in key else ""
        if key == "kubernetes.io/hostname" or (domain.endswith("karpenter.sh") and key != CAPACITY_TYPE):
            yield f"{key} is set on nodes by others"


def _mixed_terms(node_class: KubeObject) -> Iterator[str]:
    """A term by id or by alias names everything already; the server rejects it with anything else beside."""
    for field in ("amiSelectorTerms", "subnetSelectorTerms", "securityGroupSelectorTerms",
                  "capacityReservationSelectorTerms"):  # fmt: skip
        for term in items(node_class.get("spec", field)):
            exact = [key for key in ("alias", "id") if dig(term, key) is not None]
            if exact and isinstance(term, dict) and len(term) > 1:
                yield f"{field}: {exact[0]} beside {', '.join(sorted(set(term) - {exact[0]}))}"
            if isinstance(term, dict) and not term:
                yield f"{field}: a term that selects by nothing"


def _interfaces_of(node_class: KubeObject) -> list[Any]:
    """Where the two controllers have them; nothing where they are not known."""
    nested = ("advancedNetworking",) if node_class.group == AUTO_MODE_GROUP else ()
    interfaces = items(node_class.get("spec", *nested, "networkInterfaces"))
    return interfaces if is_known(interfaces) else []


def _has_adapters(node_class: KubeObject) -> bool:
    return any(dig(one, "interfaceType") == "efa-only" for one in _interfaces_of(node_class))


def _interfaces(node_class: KubeObject) -> Iterator[str]:
    interfaces = _interfaces_of(node_class)
    if not interfaces:
        return
    places = [(dig(one, "networkCardIndex"), dig(one, "deviceIndex"), dig(one, "interfaceType")) for one in interfaces]
    if (0, 0, "interface") not in places:
        yield "card 0 device 0 is no plain interface"
    for (card, device), count in Counter((card, device) for card, device, _ in places).items():
        if count > 1:
            yield f"card {card} device {device} is given {count} times"
    for card, count in Counter(card for card, _, kind in places if kind == "efa-only").items():
        if count > 1:
            yield f"card {card} has {count} EFA interfaces"


def _apart(node_class: KubeObject) -> Iterator[str]:
    """Reserved nodes stand where they were reserved; which group that is, only whoever reserved them knows."""
    chosen = (node_class.get("spec", field) for field in ("placementGroupSelector", "capacityReservationSelectorTerms"))
    if _has_adapters(node_class) and not any(one or isinstance(one, Unknown) for one in chosen):
        yield "its nodes have EFA interfaces and no placement group"


def _locked_memory(node_class: KubeObject) -> Iterator[str]:
    aliases = [dig(term, "alias") for term in items(node_class.get("spec", "amiSelectorTerms"))]
    if not _has_adapters(node_class) or not any(str(alias).startswith("al2023@") for alias in aliases):
        return
    text = node_class.get("spec", "userData")
    if is_known(text) and LOCKED_MEMORY not in (text or ""):
        yield "its nodes have EFA interfaces and containers that may lock 8 MiB"


def _restricted_tags(node_class: KubeObject) -> Iterator[str]:
    tags = node_class.get("spec", "tags")
    for key in tags if isinstance(tags, dict) else ():
        if key.startswith(RESERVED_TAGS):
            yield f"{key} is how a controller knows its nodes"


def _auto_mode_class(node_class: KubeObject) -> Iterator[str]:
    if node_class.group != AUTO_MODE_GROUP:
        return
    if node_class.name == BUILT_IN_CLASS:
        yield "EKS makes the class of this name itself"
    if node_class.get("spec", "role") is None and node_class.get("spec", "instanceProfile") is None:
        yield "it names no role"
    for field in ("subnetSelectorTerms", "securityGroupSelectorTerms"):
        if not node_class.get("spec", field):
            yield f"{field} is missing"
    for field, (least, most) in STORAGE_RANGES.items():
        value = number(node_class.get("spec", "ephemeralStorage", field))
        if value is not None and not least <= value <= most:
            yield f"ephemeralStorage.{field} is {value:g}, out of {least} to {most}"


_POOL = ("NodePool",)

RULES = (
    Rule(
        "pool-capacity-type-unknown", _POOL, "a capacity type that does not exist",
        "The pool never makes a node and pods stay pending.", f"use {', '.join(CAPACITY_TYPES)}",
        _capacity_type_unknown,
    ),
    Rule(
        "pool-class-missing", _POOL, "a pool that names a class nobody makes",
        "The pool is never ready.", "name a class that is deployed with it", _class_missing,
    ),
    Rule(
        "pool-reserved-unselected", _POOL, "reserved nodes of a class that selects no reservation",
        "A reservation is used only where it is selected: the pool makes no node, or buys one beside what is paid for.",
        "name the reservation in capacityReservationSelectorTerms", _reserved_unselected,
    ),
    Rule(
        "class-reservation-unused", CLASS_KINDS, "a selected reservation that no pool may use",
        "It is paid for and stays empty.", "allow reserved in the pool's capacity types", _reservation_unused,
    ),
    Rule(
        "pool-static-mixed", _POOL, "a pool of a fixed size that is also limited by resources or weighed",
        "The API server rejects it.", "keep replicas and limits.nodes alone", _static,
    ),
    Rule(
        "pool-expiry-too-late", _POOL, "Auto Mode nodes that live longer than it lets them",
        "The pool is rejected, or its nodes end on Auto Mode's day instead of yours.",
        "set expireAfter to 504h or less", _life,
    ),
    Rule(
        "pool-label-restricted", _POOL, "a label or requirement that Karpenter sets itself",
        "The API server rejects the pool.", "use a label of a domain of your own", _restricted_labels,
    ),
    Rule(
        "class-term-mixed", CLASS_KINDS, "a selector term by id or alias with something beside it, or an empty one",
        "The API server rejects the class and its pools make no node.", "make it two terms", _mixed_terms,
    ),
    Rule(
        "class-interface-place", CLASS_KINDS, "network interfaces that clash, or lack the node's own",
        "The API server rejects the class.", "make card 0 device 0 interface and one efa-only on each card",
        _interfaces,
    ),
    Rule(
        "class-placement", CLASS_KINDS, "EFA nodes that a controller starts anywhere in the zone",
        "Nodes far apart talk slower than the adapters can.",
        "name a placement group of strategy cluster in placementGroupSelector", _apart,
    ),
    Rule(
        "class-locked-memory", ("EC2NodeClass",), "EFA on Amazon Linux whose containers may lock 8 MiB of memory",
        "The adapter's buffers do not fit, and NCCL goes over to TCP without a word.",
        f"set {LOCKED_MEMORY}=infinity for containerd.service in userData", _locked_memory,
    ),
    Rule(
        "class-tag-restricted", CLASS_KINDS, "a tag by which the controller knows its nodes",
        "The class is rejected, or another cluster takes the node for its own.", "choose another key",
        _restricted_tags,
    ),
    Rule(
        "class-auto-mode", ("NodeClass",), "a class of Auto Mode without role or place, or beyond what its storage can",
        "The class is never ready and its pools make no node.",
        "give role, subnetSelectorTerms and securityGroupSelectorTerms", _auto_mode_class,
    ),
)  # fmt: skip
