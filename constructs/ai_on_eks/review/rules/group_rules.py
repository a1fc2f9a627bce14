"""Pods that work as one over several nodes: near each other, and all of them joined by the same fabric."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.job_rules import EFA_RESOURCE, spans_nodes
from ai_on_eks.review.rules.pods import Pod, expand, is_accelerator
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import dig, is_known, items, number

ZONE_LABEL = "topology.kubernetes.io/zone"
EXCLUSIVE_TOPOLOGY = "leaderworkerset.sigs.k8s.io/exclusive-topology"
"""As in `kube.expansion`, which imports the schema of platform files."""
PROVIDER = "FI_PROVIDER"
FABRIC = ("hugepages-", EFA_RESOURCE)


def _zones(pod: Pod) -> Iterator[str]:
    """EFA does not leave a zone."""
    if EFA_RESOURCE not in _asked(pod) or not _is_of_group(pod):
        return
    if pod.owner.get("metadata", "annotations", EXCLUSIVE_TOPOLOGY) is not None:
        return
    near = dig(pod.spec, "affinity", "podAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    if not any(dig(term, "topologyKey") == ZONE_LABEL for term in items(near)):
        yield "its pods may lie in several zones"


def _is_of_group(pod: Pod) -> bool:
    if pod.owner.kind == "LeaderWorkerSet":
        size = number(pod.owner.get("spec", "leaderWorkerTemplate", "size"))
        return size is not None and size > 1
    return pod.owner.kind == "JobSet" and spans_nodes(pod)


def _exclusive(group: KubeObject) -> Iterator[str]:
    """The controller's affinity keeps out groups of every set in the namespace, not only those of the same model."""
    key = group.get("metadata", "annotations", EXCLUSIVE_TOPOLOGY)
    if key == ZONE_LABEL:
        yield "no other group of any model may run in its zone"


def _alike(group: KubeObject) -> Iterator[str]:
    pods = {pod.role: pod for pod in expand(group, group.assembly)}
    if set(pods) != {"leader", "worker"} or not all(is_known(dict(pod.spec)) for pod in pods.values()):
        return
    leader, worker = (_joined_by(pods[role]) for role in ("leader", "worker"))
    for name in sorted({*leader, *worker}):
        if leader.get(name) != worker.get(name):
            yield f"{name} is {leader.get(name, 'nothing')} on the leader and {worker.get(name, 'nothing')} on workers"


def _joined_by(pod: Pod) -> dict[str, Any]:
    found = {name: amount for name, amount in _asked(pod).items() if name.startswith(FABRIC) or is_accelerator(name)}
    return found | {name: value for name, value in _variables(pod).items() if name.startswith("FI_")}


def _provider(pod: Pod) -> Iterator[str]:
    if EFA_RESOURCE in _asked(pod) and is_known(_variables(pod)) and _variables(pod).get(PROVIDER) != "efa":
        yield f"asks for {EFA_RESOURCE}, and {PROVIDER} does not name it"


def _asked(pod: Pod) -> dict[str, Any]:
    return {
        name: amount
        for container in pod.main_containers()
        for kind in ("requests", "limits")
        for name, amount in (dig(container, "resources", kind) or {}).items()
    }


def _variables(pod: Pod) -> dict[str, Any]:
    return {
        str(dig(one, "name")): dig(one, "value")
        for container in pod.main_containers()
        for one in items(dig(container, "env"))
    }


RULES = (
    Rule(
        "group-zones", ("Pod",), "pods that exchange by EFA and may lie in several zones",
        "EFA does not leave a zone: ranks wait for each other until somebody looks.",
        f"require pod affinity on {ZONE_LABEL}", _zones,
    ),
    Rule(
        "group-exclusive-zone", ("LeaderWorkerSet",), "a group that has a whole zone to itself",
        "Every other group of the namespace, of whatever model, waits for another zone, and a second replica for ever "
        "where nodes lie in one.", f"remove the annotation, and require pod affinity on {ZONE_LABEL}", _exclusive,
    ),
    Rule(
        "group-unlike", ("LeaderWorkerSet",), "a leader with other accelerators or another fabric than its workers",
        "NCCL takes what all of them have, which is TCP, or a rank has no device.",
        "give leader and workers the same resources and FI_ variables", _alike,
    ),
    Rule(
        "pod-efa-provider", ("Pod",), "EFA that libfabric is not told to use",
        "It may choose TCP, and nothing says so but the speed.", f"set {PROVIDER} to efa", _provider,
    ),
)  # fmt: skip
