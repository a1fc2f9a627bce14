"""Clusters of Ray: what KubeRay makes of them, and who reaches their head."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.pods import Pod, expand
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import dig, is_known, items, number

KINDS = ("RayCluster", "RayJob", "RayService")
EXPOSED = ("LoadBalancer", "NodePort")
IN_PLACE = "None"
"""An upgrade strategy: Serve is changed where it runs, and no second cluster is made."""


def _upgrade(service: KubeObject) -> Iterator[str]:
    strategy = service.get("spec", "upgradeStrategy", "type")
    if strategy != IN_PLACE and any(pod.devices() for pod in expand(service, service.assembly)):
        yield f"the upgrade strategy is {strategy or 'not given, and NewCluster then'}"


def _devices(pod: Pod) -> Iterator[str]:
    if pod.owner.kind not in KINDS:
        return
    told = number(dig(_group(pod), "rayStartParams", "num-gpus"))
    counts = [count for name, value in pod.devices().items() if name.endswith("/gpu") and (count := number(value))]
    if told is not None and counts and told != sum(counts):
        yield f"the pod has {sum(counts):g} GPUs and tells Ray of {told:g}"


def _exposed(cluster: KubeObject) -> Iterator[str]:
    type_ = dig(_cluster(cluster), "headGroupSpec", "serviceType")
    if type_ in EXPOSED:
        yield f"the head's service is of type {type_}"


def _open(cluster: KubeObject) -> Iterator[str]:
    mode = dig(_cluster(cluster), "authOptions", "mode")
    if mode != "token" and is_known(mode):
        yield f"its mode of authentication is {mode or 'not given, and disabled then'}"


def _group(pod: Pod) -> Any:
    cluster = _cluster(pod.owner)
    if pod.role == "head":
        return dig(cluster, "headGroupSpec")
    return next((one for one in items(dig(cluster, "workerGroupSpecs")) if dig(one, "groupName") == pod.role), None)


def _cluster(one: KubeObject) -> Any:
    spec = one.get("spec")
    path = {"RayService": "rayClusterConfig", "RayJob": "rayClusterSpec"}.get(one.kind)
    return spec if path is None else dig(spec, path)


RULES = (
    Rule(
        "ray-upgrade-deadlock", ("RayService",), "an update that makes a second cluster on accelerators nobody has",
        "The new cluster's pods wait for the old one's GPUs, and the old cluster for the new one.",
        "set upgradeStrategy.type to None", _upgrade,
    ),
    Rule(
        "ray-devices-unlike", ("Pod",), "a pod that tells Ray of other GPUs than it has",
        "Ray places ranks on GPUs that are not there, or leaves some idle.",
        "set rayStartParams.num-gpus to the pod's own", _devices,
    ),
    Rule(
        "ray-unauthenticated", KINDS, "a cluster of Ray that asks nobody for a token",
        "Whoever reaches its head runs what they like on every node, with the pods' role.",
        "set authOptions.mode to token", _open,
    ),
    Rule(
        "ray-head-exposed", KINDS, "a head that is reachable from outside the cluster",
        "Whoever reaches its dashboard runs what they like on every node, with the pods' role.",
        "set headGroupSpec.serviceType to ClusterIP", _exposed,
    ),
)  # fmt: skip
"""Objects of KubeRay."""
