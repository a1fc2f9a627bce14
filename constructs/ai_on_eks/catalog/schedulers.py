"""Which scheduler places the pods of a node, and the image of the one that EKS does not run itself.

Neuron devices of one container have to be joined, and the device plugin only counts them. The extension that knows how
they are joined needs a scheduler that asks it; nobody can configure EKS' own, so a second one runs beside it. Every pod
with Neuron devices goes through it: what another scheduler places, the extension learns too late.
"""

from __future__ import annotations

from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.types import InstanceType, Vendor
from ai_on_eks.errors import InputError, Problem

NEURON_SCHEDULER = "my-scheduler"
"""The name that the Neuron chart gives it and AWS documents (Neuron SDK 2.33, k8s-multiple-scheduler, 2026-10)."""


def scheduler_name(instance_type: InstanceType) -> str | None:
    """`schedulerName` of pods that ask for this type's devices; None = the cluster's own."""
    accelerator = instance_type.accelerator
    return NEURON_SCHEDULER if accelerator is not None and accelerator.vendor is Vendor.NEURON else None


def second_scheduler_tag(kubernetes_version: str) -> str:
    """Image tag of a kube-scheduler of the cluster's own minor version, or InputError with the versions known."""
    tags: dict[str, str] = read("kube_schedulers.json")["tags"]
    if kubernetes_version in tags:
        return tags[kubernetes_version]
    raise InputError(
        Problem(
            code="second-scheduler-unknown",
            message=f"Neuron devices need a second scheduler, and none is known for Kubernetes {kubernetes_version}",
            path="cluster.kubernetes_version",
            value=kubernetes_version,
            allowed=tuple(sorted(tags)),
            fix=f'set it to "{max(tags)}"',
        )
    )
