"""Do all pods of rendered objects find a node together? The scheduler's other questions, for a whole cluster.

`kube.scheduling` asks a pod and a kind of node. Here the nodes are there and fill up, one pod after another, the larger
priority first, and what looks beyond one node is answered too:

    slots          pods on the node ≤ what the kubelet takes; ports of the host are free
    zone           every volume that the pod mounts can be reached from the node
    devices        claimed devices (resource.k8s.io) are free on the node, by their class
    pod affinity   required terms hold, those of pods that are there already as well; the first of a group is let in
    spread         no skew above maxSkew after the pod, over at least minDomains domains (DoNotSchedule)
    scheduler      the one that the pod names runs

What is only preferred decides nothing (kubernetes.io/docs/concepts/scheduling-eviction, 2026-11). A pod that a cluster
could place and this cannot is possible, as nothing is moved; the other way round is a defect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct, field

from ai_on_eks.kube.quantity import parse_quantity
from ai_on_eks.kube.scheduling import Quantities, matches_terms, pod_requests, tolerated, why_unschedulable
from ai_on_eks.serving.types import Json

DEFAULT_SCHEDULER = "default-scheduler"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class Node(Struct, frozen=True):
    """One node as pods see it: what is left beside DaemonSets, and claimable devices by their class."""

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    free: Quantities
    devices: Mapping[str, int] = field(default_factory=dict)


class Pod(Struct, frozen=True):
    """One pod as its controller makes it. `claims` are the specifications of its device claims."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    spec: Json
    claims: Sequence[Json] = ()


class Cluster(Struct, frozen=True):
    """What pods are placed in: nodes, volumes by the namespace and name of their claim, priorities, schedulers."""

    nodes: Sequence[Node]
    volumes: Mapping[tuple[str, str], Json | None] = field(default_factory=dict)
    priorities: Mapping[str, int] = field(default_factory=dict)
    schedulers: frozenset[str] = frozenset({DEFAULT_SCHEDULER})


def why_unplaced(pods: Sequence[Pod], cluster: Cluster) -> tuple[str, ...]:
    """Every pod that finds no node, with what each kind of node lacks; empty means that all of them run."""
    placed: list[tuple[Pod, Node]] = []
    problems: list[str] = []
    for pod in sorted(pods, key=lambda pod: (-_priority(pod, cluster), pod.name)):
        reasons = [*_nowhere(pod, cluster)]
        node = None
        if not reasons:
            node, reasons = _first_node(pod, cluster, placed)
        if node is None:
            problems += [f"{pod.name}: {reason}" for reason in dict.fromkeys(reasons)]
        else:
            placed.append((pod, node))
    return tuple(problems)


def _priority(pod: Pod, cluster: Cluster) -> int:
    return cluster.priorities.get(pod.spec.get("priorityClassName", ""), 0)


def _nowhere(pod: Pod, cluster: Cluster) -> Iterator[str]:
    """What keeps the pod from any node."""
    name = pod.spec.get("priorityClassName")
    if name is not None and name not in cluster.priorities:
        yield f"there is no priority class {name}"
    scheduler = pod.spec.get("schedulerName", DEFAULT_SCHEDULER)
    if scheduler not in cluster.schedulers:
        yield f"no scheduler {scheduler} runs"
    for claim in _claimed(pod):
        if (pod.namespace, claim) not in cluster.volumes:
            yield f"there is no claim {claim}"
    if not cluster.nodes:
        yield "there is no node"


def _claimed(pod: Pod) -> list[str]:
    volumes = pod.spec.get("volumes", ())
    return [volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume]


def _first_node(pod: Pod, cluster: Cluster, placed: Sequence[tuple[Pod, Node]]) -> tuple[Node | None, list[str]]:
    reasons: list[str] = []
    for node in cluster.nodes:
        found = [*_reasons(pod, node, cluster, placed)]
        if not found:
            return node, []
        reasons += found
    return None, reasons


def _reasons(pod: Pod, node: Node, cluster: Cluster, placed: Sequence[tuple[Pod, Node]]) -> Iterator[str]:
    there = [other for other, where in placed if where.name == node.name]
    yield from why_unschedulable(pod.spec, node.free, node.labels, node.taints, _taken(there))
    yield from _slots(pod, node, there)
    yield from _zones(pod, node, cluster)
    yield from _devices(pod, node, there)
    yield from _affinity(pod, node, placed)
    yield from _spread(pod, node, cluster, placed)


def _taken(pods: Sequence[Pod]) -> dict[str, str]:
    total: dict[str, Fraction] = {}
    for pod in pods:
        for name, amount in pod_requests(pod.spec).items():
            total[name] = total.get(name, Fraction(0)) + amount
    # Whole thousandths are the finest that Kubernetes counts in.
    return {name: f"{int(amount * 1000)}m" for name, amount in total.items()}


def _slots(pod: Pod, node: Node, there: Sequence[Pod]) -> Iterator[str]:
    if len(there) >= parse_quantity(node.free.get("pods", 0)):
        yield f"pods: the node takes {node.free.get('pods', 0)}"
    for port in sorted(_host_ports(pod) & {port for other in there for port in _host_ports(other)}):
        yield f"host port {port[1]}/{port[0]} is taken"


def _host_ports(pod: Pod) -> set[tuple[str, int]]:
    return {
        (port.get("protocol", "TCP"), port["hostPort"])
        for container in pod.spec["containers"]
        for port in container.get("ports", ())
        if port.get("hostPort")
    }


def _zones(pod: Pod, node: Node, cluster: Cluster) -> Iterator[str]:
    for claim in _claimed(pod):
        volume = cluster.volumes[pod.namespace, claim]
        required = ((volume or {}).get("spec", {}).get("nodeAffinity") or {}).get("required")
        if required is not None and not matches_terms(required["nodeSelectorTerms"], node.labels):
            yield f"the volume of {claim} cannot be reached from {node.labels.get('topology.kubernetes.io/zone')}"


def _devices(pod: Pod, node: Node, there: Sequence[Pod]) -> Iterator[str]:
    wanted, taken = _counted([pod]), _counted(there)
    for name in sorted(wanted):
        free = node.devices.get(name, 0) - taken.get(name, 0)
        if wanted[name] > free:
            yield f"device class {name}: claims {wanted[name]}, the node has {free} free"


def _counted(pods: Sequence[Pod]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for claim in (claim for pod in pods for claim in pod.claims):
        for request in claim["devices"]["requests"]:
            exactly = request["exactly"]
            if exactly.get("allocationMode", "ExactCount") != "ExactCount":
                raise ValueError(f"allocation mode {exactly['allocationMode']} is not judged")
            counts[exactly["deviceClassName"]] = counts.get(exactly["deviceClassName"], 0) + exactly.get("count", 1)
    return counts


def _affinity(pod: Pod, node: Node, placed: Sequence[tuple[Pod, Node]]) -> Iterator[str]:
    for term in _terms(pod, "podAffinity"):
        key = term["topologyKey"]
        partners = [where for other, where in placed if _selects(term, pod, other)]
        if key not in node.labels:
            yield f"pod affinity: the node has no label {key}"
        elif partners and not any(where.labels.get(key) == node.labels[key] for where in partners):
            yield f"pod affinity: its partners are in another {key} than {node.labels[key]}"
        elif not partners and not _selects(term, pod, pod):
            yield "pod affinity: no pod that it has to lie beside is there"
    for other, where in placed:
        for of, term, subject in (
            *((pod, term, other) for term in _terms(pod, "podAntiAffinity")),
            *((other, term, pod) for term in _terms(other, "podAntiAffinity")),
        ):
            domain = node.labels.get(term["topologyKey"])
            if domain is not None and where.labels.get(term["topologyKey"]) == domain and _selects(term, of, subject):
                yield f"pod anti-affinity of {of.name}: {subject.name} would share the {term['topologyKey']} {domain}"


def _terms(pod: Pod, kind: str) -> Sequence[Json]:
    terms: Sequence[Json] = pod.spec.get("affinity", {}).get(kind, {}).get(_REQUIRED, ())
    return terms


def _selects(rule: Json, pod: Pod, other: Pod) -> bool:
    """Whether the rule of `pod` means `other`; without namespaces of its own it means the pod's."""
    if "namespaceSelector" in rule:
        raise ValueError("a namespaceSelector asks for labels of namespaces, which are not judged")
    if other.namespace not in rule.get("namespaces", (pod.namespace,)):
        return False
    same = {key: pod.labels[key] for key in rule.get("matchLabelKeys", ()) if key in pod.labels}
    selector: Json = rule.get("labelSelector") or {}
    return {**selector.get("matchLabels", {}), **same}.items() <= other.labels.items() and matches_terms(
        [{"matchExpressions": selector["matchExpressions"]}] if selector.get("matchExpressions") else None, other.labels
    )


def _spread(pod: Pod, node: Node, cluster: Cluster, placed: Sequence[tuple[Pod, Node]]) -> Iterator[str]:
    for rule in pod.spec.get("topologySpreadConstraints", ()):
        if rule.get("whenUnsatisfiable", "DoNotSchedule") != "DoNotSchedule":
            continue
        key = rule["topologyKey"]
        if key not in node.labels:
            yield f"spread: the node has no label {key}"
            continue
        counts = _domain_counts(pod, rule, cluster, placed)
        lowest = min(counts.values(), default=0) if len(counts) >= rule.get("minDomains", 1) else 0
        skew = counts.get(node.labels[key], 0) + _selects(rule, pod, pod) - lowest
        if skew > rule["maxSkew"]:
            yield f"spread: {node.labels[key]} would have {skew} more pods than another {key}"


def _domain_counts(pod: Pod, rule: Json, cluster: Cluster, placed: Sequence[tuple[Pod, Node]]) -> dict[Any, int]:
    """Pods in each domain that the pod may use: by its node affinity always, by taints where the rule honours them."""
    key = rule["topologyKey"]
    counts = {node.labels[key]: 0 for node in cluster.nodes if key in node.labels and _eligible(pod, rule, node)}
    for other, where in placed:
        if where.labels.get(key) in counts and _eligible(pod, rule, where) and _selects(rule, pod, other):
            counts[where.labels[key]] += 1
    return counts


def _eligible(pod: Pod, rule: Json, node: Node) -> bool:
    selector = pod.spec.get("nodeSelector", {}).items()
    required = pod.spec.get("affinity", {}).get("nodeAffinity", {}).get(_REQUIRED)
    by_affinity = selector <= node.labels.items() and matches_terms(
        None if required is None else required["nodeSelectorTerms"], node.labels
    )
    if rule.get("nodeAffinityPolicy", "Honor") == "Honor" and not by_affinity:
        return False
    return rule.get("nodeTaintsPolicy", "Ignore") == "Ignore" or tolerated(node.taints, pod.spec.get("tolerations", ()))
