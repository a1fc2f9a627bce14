"""NVIDIA's device plugin and metrics exporter as charts of their own: a node's GPUs without an operator.

Less runs on each node and in the cluster than with the operator: no feature discovery, no validator, no MIG manager.
"""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.aws.gpu_slices import GPU_RESOURCE, WHOLE, plugin_configs, slices_of
from ai_on_eks.aws.helm_release import PRIVILEGED_NAMESPACE, HelmRelease, Json, pinned_release
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.placement.types import CapacityRequest


def plugin_release(requests: Sequence[CapacityRequest]) -> HelmRelease:
    """The device plugin."""
    return _release("nvidia-device-plugin", plugin_values(requests))


def metrics_release(requests: Sequence[CapacityRequest], *, by_claim: bool = False) -> HelmRelease:
    """The metrics exporter. `by_claim`: it learns from claims which pod has which GPU."""
    claims = {"kubernetesDRA": {"enabled": True}} if by_claim else {}
    return _release("dcgm-exporter", metrics_values(requests) | claims)


def plugin_values(requests: Sequence[CapacityRequest]) -> Json:
    """The plugin's values for the types that are asked for and the way their GPUs are divided."""
    slices = slices_of(requests)
    sharing = {"config": {"map": plugin_configs(slices), "default": WHOLE}} if slices else {}
    return {
        # By type: the chart's own condition is a label of feature discovery, which does not run here.
        "affinity": on_gpu_types(requests),
        "tolerations": tolerations(),
        "gfd": {"enabled": False},
        # Else it hands out all of /dev/infiniband, and takes the adapters from the EFA plugin.
        "mofedEnabled": False,
        "gdrcopyEnabled": False,
        **sharing,
    }


def metrics_values(requests: Sequence[CapacityRequest]) -> Json:
    """The exporter's values. Its ServiceMonitor is on by default, and fails where no Prometheus operator runs."""
    return {
        "affinity": on_gpu_types(requests),
        "tolerations": tolerations(),
        "serviceMonitor": {"enabled": False},
    }


def on_gpu_types(requests: Sequence[CapacityRequest]) -> Json:
    """Affinity to the NVIDIA types that are asked for."""
    kinds = (request.instance_type for request in requests)
    names = sorted({kind.name for kind in kinds if kind.accelerator and kind.accelerator.vendor is Vendor.NVIDIA})
    term = {"matchExpressions": [{"key": "node.kubernetes.io/instance-type", "operator": "In", "values": names}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}


def tolerations() -> list[Json]:
    """Of the taint of GPU nodes."""
    return [{"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}]


def _release(name: str, values: Json) -> HelmRelease:
    return pinned_release(
        name,
        namespace=name,
        namespace_labels=PRIVILEGED_NAMESPACE,
        values=values,
    )
