"""The NVIDIA GPU operator: every part of a GPU node that the machine image does not bring."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ai_on_eks.aws.gpu_slices import GPU_RESOURCE, UNDIVIDED, WHOLE, mig_config, mig_of, plugin_configs, slices_of
from ai_on_eks.aws.helm_release import PRIVILEGED_NAMESPACE, HelmRelease, Json, pinned_release
from ai_on_eks.catalog.gpu_parts import GpuPart, parts_of_nodes
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.types import CapacityRequest

CHART = "gpu-operator"

SLICES_CONFIG_MAP = "ai-on-eks-device-plugin"
MIG_CONFIG_MAP = "ai-on-eks-mig"

REBOOTS: list[dict[str, str]] = [{"name": "WITH_REBOOT", "value": "true"}]
"""Cloud instances take a new division only by a restart (EKS user guide, device-management-nvidia-mig, 2026-11)."""


def release(platform: Platform, requests: Iterable[CapacityRequest] = ()) -> HelmRelease:
    """The chart at the version whose keys `values` uses (released 2026, device plugin 0.20.0, NFD 0.19.0)."""
    return pinned_release(
        CHART,
        namespace=CHART,
        namespace_labels=PRIVILEGED_NAMESPACE,
        values=values(platform, requests),
    )


def values(platform: Platform, requests: Iterable[CapacityRequest] = ()) -> Json:
    """The chart's values for the platform's machine image and the way its accelerators are divided."""
    image = parts_of_nodes(platform.capacity.operating_system.value)
    requests = tuple(requests)
    plugin_is_ours = GpuPart.DEVICE_PLUGIN not in image
    manages_mig = bool(mig_of(requests)) and GpuPart.MIG_MANAGER not in image
    return {
        "driver": {"enabled": GpuPart.DRIVER not in image},
        "toolkit": {"enabled": GpuPart.TOOLKIT not in image},
        "devicePlugin": {"enabled": plugin_is_ours, **(_time_slicing(requests) if plugin_is_ours else {})},
        "dcgmExporter": {"enabled": True},
        # `single`: parts have the resource's own name, as every accelerator of a node is divided alike.
        **({"mig": {"strategy": "single"}} if manages_mig else {}),
        # Only where something is divided: by default it runs on every node whose GPU could be.
        "migManager": _mig_manager(requests) if manages_mig else {"enabled": False},
        "daemonsets": {"tolerations": _tolerations()},
        # The operator finds GPU nodes by labels that this worker sets; it has tolerations of its own.
        "node-feature-discovery": {"worker": {"tolerations": _tolerations()}},
    }


def _time_slicing(requests: Iterable[CapacityRequest]) -> Json:
    """A configuration of the device plugin for each number of slices; nodes choose theirs by label."""
    slices = slices_of(requests)
    if not slices:
        return {}
    return {"config": {"create": True, "name": SLICES_CONFIG_MAP, "default": WHOLE, "data": plugin_configs(slices)}}


def _mig_manager(requests: Iterable[CapacityRequest]) -> dict[str, Any]:
    configs = {"config.yaml": mig_config(mig_of(requests))}
    config = {"create": True, "name": MIG_CONFIG_MAP, "default": UNDIVIDED, "data": configs}
    return {"enabled": True, "env": REBOOTS, "config": config}


def _tolerations() -> list[dict[str, str]]:
    return [{"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}]
