"""The Neuron chart: device plugin, second scheduler with Neuron's extension, problem detector.

The machine image brings the driver and nothing else, so the chart owns all three, once: CDK's own node groups would add
an old device plugin unasked, and two of them offer every device twice.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.aws.helm_release import PRIVILEGED_NAMESPACE, HelmRelease, Json, pinned_release
from ai_on_eks.catalog.schedulers import NEURON_SCHEDULER, second_scheduler_tag
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.types import CapacityRequest

CHART = "neuron-helm-chart"

NAMESPACE = "neuron-healthcheck-system"
"""Where the chart puts its problem detector. It does not make the namespace itself, and its other parts go to
kube-system (neuron-helm-chart 1.10.0, values; Neuron SDK, "Create Namespace and Service Account", 2026-10)."""


def is_required(requests: Iterable[CapacityRequest]) -> bool:
    """Whether any node asked for has Neuron devices."""
    return bool(instance_types(requests))


def instance_types(requests: Iterable[CapacityRequest]) -> list[str]:
    """Types with Neuron devices, sorted."""
    types = (request.instance_type for request in requests)
    return sorted({kind.name for kind in types if kind.accelerator and kind.accelerator.vendor is Vendor.NEURON})


def release(platform: Platform, requests: Iterable[CapacityRequest]) -> HelmRelease:
    """The chart at the version whose keys `values` uses."""
    return pinned_release(
        CHART,
        name="neuron",
        namespace=NAMESPACE,
        namespace_labels=PRIVILEGED_NAMESPACE,
        values=values(platform, requests),
    )


def values(platform: Platform, requests: Iterable[CapacityRequest]) -> Json:
    """The chart's values for the types that are asked for."""
    scheduler_image = {"tag": second_scheduler_tag(platform.cluster.kubernetes_version)}
    return {
        # Its DaemonSets run on these types alone, and the chart's own list ends with the types of its release.
        "neuronInstances": instance_types(requests),
        "devicePlugin": {"enabled": True, "tolerations": _tolerations()},
        "draDriver": {"enabled": False},
        "scheduler": {
            "enabled": True,
            "customScheduler": {"enabled": True, "fullnameOverride": NEURON_SCHEDULER, "image": scheduler_image},
            "defaultScheduler": {"enabled": False},
        },
        # It reports; nodes are replaced by EKS' node repair, and two that replace one node would take two.
        "npd": {"enabled": True, "tolerations": _tolerations(), "nodeRecovery": {"enabled": False}},
    }


def _tolerations() -> list[Json]:
    return [{"key": "aws.amazon.com/neuron", "operator": "Exists", "effect": "NoSchedule"}]
