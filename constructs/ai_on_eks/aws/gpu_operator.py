"""The NVIDIA GPU operator: device plugin, feature discovery and GPU metrics.

    who owns driver, toolkit and device plugin on a node = the machine image, else the operator; never both, never none

Two device plugins offer every GPU twice; a driver installed over the image's own breaks the node.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ai_on_eks.aws.helm_release import PRIVILEGED_NAMESPACE, HelmRelease, Json
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.catalog.versions import chart
from ai_on_eks.descriptors.platform import OperatingSystem, Platform
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import CapacityRequest

GPU_RESOURCE = "nvidia.com/gpu"
"""Extended resource of the device plugin, and the key of the taint on GPU nodes."""

MIG_LABEL = "nvidia.com/mig.config"
SLICES_LABEL = "nvidia.com/device-plugin.config"
SLICES_CONFIG_MAP = "ai-on-eks-device-plugin"
WHOLE = "whole"
"""Labels by which the MIG manager and the device plugin choose a node's configuration; the plugin's ConfigMap, and its
configuration for nodes that have no such label (GPU operator v26.7, gpu-operator-mig and gpu-sharing, 2026)."""

DRIVER_IN_IMAGE: Mapping[OperatingSystem, bool] = {OperatingSystem.AL2023: True}
"""Whether the EKS accelerated image brings NVIDIA's driver and container toolkit (EKS user guide,
ml-eks-optimized-ami; amazon-eks-ami v20260714: driver 580.159.03, toolkit 1.19.1)."""

DEVICE_PLUGIN_IN_IMAGE: Mapping[OperatingSystem, bool] = {OperatingSystem.AL2023: False}
"""Whether that image brings the device plugin (same sources)."""

MIG_MANAGER: Mapping[str, Any] = {"enabled": True, "env": [{"name": "WITH_REBOOT", "value": "true"}]}
"""Enabled only where something is divided: by default it runs on every node whose GPU could be. Cloud instances take a
new division only by a restart (EKS user guide, device-management-nvidia-mig, 2026-11)."""


def is_required(requests: Iterable[CapacityRequest]) -> bool:
    """Whether any node asked for has an NVIDIA GPU."""
    return any(
        request.instance_type.accelerator is not None and request.instance_type.accelerator.vendor is Vendor.NVIDIA
        for request in requests
    )


def partition_labels(partition: Partition) -> dict[str, str]:
    """What tells the operator how to divide the accelerators of a node."""
    if partition.mig_profile is None:
        return {SLICES_LABEL: partition.name}
    return {MIG_LABEL: f"all-{partition.mig_profile}"}


def release(platform: Platform, requests: Iterable[CapacityRequest] = ()) -> HelmRelease:
    """The chart at the version whose keys `values` uses (released 2026, device plugin 0.20.0, NFD 0.19.0)."""
    repository, version = chart("gpu-operator")
    return HelmRelease(
        name="gpu-operator",
        repository=repository,
        chart="gpu-operator",
        version=version,
        namespace="gpu-operator",
        namespace_labels=PRIVILEGED_NAMESPACE,
        values=values(platform, requests),
    )


def values(platform: Platform, requests: Iterable[CapacityRequest] = ()) -> Json:
    """The chart's values for the platform's machine image and the way its accelerators are divided."""
    system = platform.capacity.operating_system
    partitions = sorted({request.partition for request in requests if request.partition is not None})
    sliced = [partition for partition in partitions if partition.mig_profile is None]
    divided = len(sliced) < len(partitions)
    return {
        "driver": {"enabled": not DRIVER_IN_IMAGE[system]},
        "toolkit": {"enabled": not DRIVER_IN_IMAGE[system]},
        "devicePlugin": {"enabled": not DEVICE_PLUGIN_IN_IMAGE[system], **_time_slicing(sliced)},
        "dcgmExporter": {"enabled": True},
        # `single`: parts have the resource's own name, as every accelerator of a node is divided alike.
        **({"mig": {"strategy": "single"}} if divided else {}),
        "migManager": MIG_MANAGER if divided else {"enabled": False},
        "daemonsets": {"tolerations": _tolerations()},
        # The operator finds GPU nodes by labels that this worker sets; it has tolerations of its own.
        "node-feature-discovery": {"worker": {"tolerations": _tolerations()}},
    }


def _time_slicing(partitions: Sequence[Partition]) -> Json:
    """A configuration of the device plugin for each number of slices; nodes choose theirs by label."""
    if not partitions:
        return {}
    configs = _plugin_configs(partitions)
    return {"config": {"create": True, "name": SLICES_CONFIG_MAP, "default": WHOLE, "data": configs}}


def _plugin_configs(partitions: Sequence[Partition]) -> dict[str, str]:
    whole = {"version": "v1"}
    # More than one slice gives no more of the device (NVIDIA device plugin v0.20, "shared access"): none is handed out.
    sliced = {
        partition.name: {
            **whole,
            "sharing": {
                "timeSlicing": {
                    "failRequestsGreaterThanOne": True,
                    "resources": [{"name": GPU_RESOURCE, "replicas": partition.parts}],
                }
            },
        }
        for partition in partitions
    }
    return {name: json.dumps(config) for name, config in {WHOLE: whole, **sliced}.items()}


def _tolerations() -> list[dict[str, str]]:
    return [{"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}]
