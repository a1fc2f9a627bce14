"""Pods as the cluster would make them, out of every kind that carries a pod template.

Scanners that know only the built-in kinds skip the rest: checkov 3.3.30 reports nothing about a privileged
LeaderWorkerSet or RayService.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.review.rules.assembly import Assembly, KubeObject
from ai_on_eks.review.rules.values import dig, items

EXTENDED_RESOURCE_DOMAINS = ("nvidia.com/", "aws.amazon.com/neuron", "vpc.amazonaws.com/efa", "amd.com/", "habana.ai/")


class Pod(Struct, frozen=True):
    """One pod. `role` names the template it comes from, `finishes` is true for pods that are to end."""

    owner: KubeObject
    assembly: Assembly
    role: str
    spec: Mapping[str, Any]
    labels: Mapping[str, Any]
    finishes: bool = False

    def containers(self) -> list[Mapping[str, Any]]:
        """Init containers, sidecars among them, and the others."""
        return [*items(self.spec.get("initContainers")), *self.main_containers()]

    def main_containers(self) -> list[Mapping[str, Any]]:
        return list(items(self.spec.get("containers")))

    def devices(self) -> dict[str, Any]:
        """Accelerators the pod asks for, by resource name."""
        return {
            name: count
            for container in self.main_containers()
            for name, count in {
                **(dig(container, "resources", "requests") or {}),
                **(dig(container, "resources", "limits") or {}),
            }.items()
            if is_accelerator(name)
        }

    def privileged_namespace(self) -> bool:
        """Whether the pod's namespace is meant for pods that reach into the node."""
        if self.owner.namespace == "kube-system":
            return True
        return any(
            dig(one.body, "metadata", "labels", "pod-security.kubernetes.io/enforce") == "privileged"
            for one in self.assembly.of_kind("Namespace")
            if one.name == self.owner.namespace
        )


def is_extended(resource_name: str) -> bool:
    return resource_name.startswith(EXTENDED_RESOURCE_DOMAINS)


def is_accelerator(resource_name: str) -> bool:
    return is_extended(resource_name) and resource_name != "vpc.amazonaws.com/efa"


def expand(one: KubeObject, assembly: Assembly) -> Iterator[Pod]:
    """Every pod template of the object; none for a kind without one."""
    for role, template in _templates(one):
        spec = dig(template, "spec")
        if isinstance(spec, Mapping) and "containers" in spec:
            labels = dig(template, "metadata", "labels") or {}
            yield Pod(one, assembly, role, spec, labels, finishes=one.kind in _FINISHING)


_FINISHING = frozenset({"Job", "CronJob", "JobSet", "MPIJob", "PyTorchJob"})

_FIXED: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "CronJob": (("", ("spec", "jobTemplate", "spec", "template")),),
    "LeaderWorkerSet": (
        ("leader", ("spec", "leaderWorkerTemplate", "leaderTemplate")),
        ("worker", ("spec", "leaderWorkerTemplate", "workerTemplate")),
    ),
    "Pod": (("", ()),),
    **dict.fromkeys(
        ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"),
        (("", ("spec", "template")),),
    ),
}
"""Kinds whose templates stand at known places."""


def _templates(one: KubeObject) -> Iterator[tuple[str, Any]]:
    for role, path in _FIXED.get(one.kind, ()):
        yield role, one.get(*path)
    spec = one.get("spec") or {}
    if one.kind in ("RayCluster", "RayService", "RayJob"):
        yield from _ray(
            spec
            if one.kind == "RayCluster"
            else dig(spec, "rayClusterConfig" if one.kind == "RayService" else "rayClusterSpec")
        )
    elif one.kind == "JobSet":
        for job in items(dig(spec, "replicatedJobs")):
            yield str(dig(job, "name")), dig(job, "template", "spec", "template")
    elif one.kind in ("MPIJob", "PyTorchJob"):
        replicas = dig(spec, "mpiReplicaSpecs" if one.kind == "MPIJob" else "pytorchReplicaSpecs")
        for role, replica in (replicas or {}).items():
            yield role, dig(replica, "template")
    elif one.kind in ("InferenceService", "LLMInferenceService", "LLMInferenceServiceConfig"):
        yield from _kserve(one.kind, spec)


def _ray(cluster: Any) -> Iterator[tuple[str, Any]]:
    yield "head", dig(cluster, "headGroupSpec", "template")
    for group in items(dig(cluster, "workerGroupSpecs")):
        yield str(dig(group, "groupName")), dig(group, "template")


def _kserve(kind: str, spec: Any) -> Iterator[tuple[str, Any]]:
    """KServe puts the fields of a pod beside its own; a `model` gets its container from a runtime."""
    if kind == "InferenceService":
        for role in ("predictor", "transformer", "explainer"):
            component = dig(spec, role)
            if isinstance(component, Mapping):
                yield role, {"spec": _with_containers(component), "metadata": {"labels": component.get("labels")}}
                if isinstance(component.get("workerSpec"), Mapping):
                    yield f"{role} worker", {"spec": _with_containers(component["workerSpec"])}
        return
    for role, part in (("", spec), ("prefill", dig(spec, "prefill"))):
        for name in ("template", "worker"):
            described = {"labels": dig(part, "labels")}
            yield f"{role} {name}".strip(), {"spec": dig(part, name), "metadata": described}


def _with_containers(component: Mapping[str, Any]) -> Mapping[str, Any]:
    model = component.get("model")
    if "containers" in component or not isinstance(model, Mapping):
        return component
    return {**component, "containers": [{"name": "model", **model}]}
