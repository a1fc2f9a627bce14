"""Would the scheduler put this pod on such a node? Answered without a cluster, so that a drift between a pod's
selectors and a node group's labels is a failed test and not a pod that stays Pending.

    request   = max(Σ sidecars + Σ containers, max over init containers of: it + the sidecars before it) + overhead
    free      = allocatable − what DaemonSets take
    schedules = selector and affinity match, every taint is tolerated, request ≤ free for every resource

The order of init containers counts (kubernetes.io/docs/concepts/workloads/pods/sidecar-containers, 2026-11). Spread,
pod affinity, volumes and host ports are the cluster's state: `kube.cluster_scheduling` answers for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from ai_on_eks.kube.quantity import parse_quantity
from ai_on_eks.serving.types import Json

Quantities = Mapping[str, str | int]

_REPELLING_EFFECTS = ("NoSchedule", "NoExecute")
_ZERO = Fraction(0)


def why_unschedulable(
    pod_spec: Json,
    node_allocatable: Quantities,
    node_labels: Mapping[str, str],
    node_taints: Sequence[Mapping[str, str]],
    daemonset_reserve: Quantities,
) -> tuple[str, ...]:
    """Every reason why the pod cannot run on an otherwise empty node of this kind; empty means it can."""
    return (
        *_selector_mismatches(pod_spec.get("nodeSelector", {}), node_labels),
        *_affinity_mismatches(pod_spec, node_labels),
        *_untolerated(node_taints, pod_spec.get("tolerations", ())),
        *_shortages(pod_requests(pod_spec), node_allocatable, daemonset_reserve),
    )


def matches_terms(terms: Sequence[Json] | None, labels: Mapping[str, str]) -> bool:
    """Whether a node with these labels matches one of the alternatives. None, no term at all, matches every node."""
    return terms is None or any([*_unmet(term, labels)] == [] for term in terms)


def tolerated(taints: Iterable[Mapping[str, str]], tolerations: Sequence[Json]) -> bool:
    """Whether none of the taints keeps the pod off."""
    return [*_untolerated(taints, tolerations)] == []


def pod_requests(pod_spec: Json) -> dict[str, Fraction]:
    """What the scheduler counts for the pod, by resource name."""
    sidecars: dict[str, Fraction] = {}
    peak: dict[str, Fraction] = {}
    for container in pod_spec.get("initContainers", ()):
        requests = _requests(container)
        if container.get("restartPolicy") == "Always":
            sidecars = _sum(sidecars, requests)
            peak = _max(peak, sidecars)
        else:
            peak = _max(peak, _sum(sidecars, requests))
    running = sidecars
    for container in pod_spec["containers"]:
        running = _sum(running, _requests(container))
    overhead = {name: parse_quantity(value) for name, value in pod_spec.get("overhead", {}).items()}
    return _sum(_max(peak, running), overhead)


def _requests(container: Json) -> dict[str, Fraction]:
    """A limit without a request is the request: so says the API server's defaulting."""
    resources = container.get("resources", {})
    asked = {**resources.get("limits", {}), **resources.get("requests", {})}
    return {name: parse_quantity(value) for name, value in asked.items()}


def _sum(left: Mapping[str, Fraction], right: Mapping[str, Fraction]) -> dict[str, Fraction]:
    return {name: left.get(name, _ZERO) + right.get(name, _ZERO) for name in {**left, **right}}


def _max(left: Mapping[str, Fraction], right: Mapping[str, Fraction]) -> dict[str, Fraction]:
    return {name: max(left.get(name, _ZERO), right.get(name, _ZERO)) for name in {**left, **right}}


def _shortages(requests: Mapping[str, Fraction], allocatable: Quantities, reserve: Quantities) -> Iterator[str]:
    for name in sorted(requests):
        free = parse_quantity(allocatable.get(name, 0)) - parse_quantity(reserve.get(name, 0))
        if requests[name] > free:
            yield f"{name}: asks for {_number(requests[name])}, the node has {_number(free)} free"


def _selector_mismatches(selector: Mapping[str, str], labels: Mapping[str, str]) -> Iterator[str]:
    for key in sorted(selector):
        if labels.get(key) != selector[key]:
            yield f"node selector {key}={selector[key]}: the node has {_label(labels, key)}"


def _affinity_mismatches(pod_spec: Json, labels: Mapping[str, str]) -> Iterator[str]:
    """The terms of a required node affinity are alternatives, the expressions within one term are not."""
    required = (
        pod_spec.get("affinity", {}).get("nodeAffinity", {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    )
    if required is None:
        return
    terms = [list(_unmet(term, labels)) for term in required["nodeSelectorTerms"]]
    if not any(term == [] for term in terms):
        yield "node affinity: " + " or ".join(" and ".join(term) for term in terms)


def _unmet(term: Json, labels: Mapping[str, str]) -> Iterator[str]:
    if term.get("matchFields"):
        raise ValueError("matchFields names one node, which a kind of node cannot answer")
    expressions = term.get("matchExpressions", ())
    if not expressions:
        yield "an empty term matches no node"
    for expression in expressions:
        if not _matches(expression, labels):
            key, operator = expression["key"], expression["operator"]
            values = ",".join(expression.get("values", ()))
            yield f"{key} {operator} {values}".rstrip() + f" (the node has {_label(labels, key)})"


def _matches(expression: Json, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    values: list[str] = expression.get("values", [])
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt":
            return value is not None and int(value) > int(values[0])
        case "Lt":
            return value is not None and int(value) < int(values[0])
        case operator:
            raise ValueError(f"unknown node selector operator: {operator}")


def _untolerated(taints: Iterable[Mapping[str, str]], tolerations: Sequence[Json]) -> Iterator[str]:
    for taint in taints:
        if taint["effect"] in _REPELLING_EFFECTS and not any(_tolerates(item, taint) for item in tolerations):
            yield f"taint {taint['key']}={taint.get('value', '')}:{taint['effect']} is not tolerated"


def _tolerates(toleration: Json, taint: Mapping[str, str]) -> bool:
    """An empty effect tolerates all effects; an empty key with `Exists` tolerates all keys."""
    operator = toleration.get("operator", "Equal")
    key: str = toleration.get("key", "")
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if operator == "Exists":
        return key in ("", taint["key"])
    value: str = toleration.get("value", "")
    return key == taint["key"] and value == taint.get("value", "")


def _label(labels: Mapping[str, str], key: str) -> str:
    return f"{key}={labels[key]}" if key in labels else f"no label {key}"


def _number(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):g}"
