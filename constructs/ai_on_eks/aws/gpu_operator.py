"""The NVIDIA GPU operator: device plugin, feature discovery and GPU metrics. The only chart without an EKS add-on.

    who owns driver, toolkit and device plugin on a node = the machine image, else the operator; never both, never none

Two device plugins offer every GPU twice; a driver installed over the image's own breaks the node.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ai_on_eks.aws.helm_release import HelmRelease, Json
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.platform import OperatingSystem, Platform
from ai_on_eks.placement.types import CapacityRequest

GPU_RESOURCE = "nvidia.com/gpu"
"""Extended resource of the device plugin, and the key of the taint on GPU nodes."""

DRIVER_IN_IMAGE: Mapping[OperatingSystem, bool] = {OperatingSystem.AL2023: True}
"""Whether the EKS accelerated image brings NVIDIA's driver and container toolkit (EKS user guide,
ml-eks-optimized-ami; amazon-eks-ami v20260714: driver 580.159.03, toolkit 1.19.1)."""

DEVICE_PLUGIN_IN_IMAGE: Mapping[OperatingSystem, bool] = {OperatingSystem.AL2023: False}
"""Whether that image brings the device plugin (same sources)."""

PRIVILEGED_NAMESPACE: Mapping[str, str] = {
    f"pod-security.kubernetes.io/{mode}": "privileged" for mode in ("audit", "enforce", "warn")
}
"""The operator's DaemonSets mount the host; no other namespace may."""


def is_required(requests: Iterable[CapacityRequest]) -> bool:
    """Whether any node asked for has an NVIDIA GPU."""
    return any(
        request.instance_type.accelerator is not None and request.instance_type.accelerator.vendor is Vendor.NVIDIA
        for request in requests
    )


def release(platform: Platform) -> HelmRelease:
    """The chart at the version whose keys `values` uses (released 2026, device plugin 0.20.0, NFD 0.19.0)."""
    return HelmRelease(
        name="gpu-operator",
        repository="https://helm.ngc.nvidia.com/nvidia",
        chart="gpu-operator",
        version="v26.7.0",
        namespace="gpu-operator",
        namespace_labels=PRIVILEGED_NAMESPACE,
        values=values(platform),
    )


def values(platform: Platform) -> Json:
    """The chart's values for the platform's machine image."""
    system = platform.capacity.operating_system
    return {
        "driver": {"enabled": not DRIVER_IN_IMAGE[system]},
        "toolkit": {"enabled": not DRIVER_IN_IMAGE[system]},
        "devicePlugin": {"enabled": not DEVICE_PLUGIN_IN_IMAGE[system]},
        "dcgmExporter": {"enabled": True},
        # A plan counts on whole GPUs; on by default, it would run on every node whose GPU could be partitioned.
        "migManager": {"enabled": False},
        "daemonsets": {"tolerations": _tolerations()},
        # The operator finds GPU nodes by labels that this worker sets; it has tolerations of its own.
        "node-feature-discovery": {"worker": {"tolerations": _tolerations()}},
    }


def _tolerations() -> list[dict[str, str]]:
    return [{"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}]
