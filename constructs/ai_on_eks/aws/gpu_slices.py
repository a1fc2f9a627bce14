"""How the GPUs of a node are divided, as labels of the node and as configurations that the labels choose.

time slices    a configuration of the device plugin for each number of slices
MIG            a configuration of the MIG manager for each profile, with as many parts as the plan counts on
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.types import CapacityRequest

GPU_RESOURCE = "nvidia.com/gpu"
"""Extended resource of the device plugin, and the key of the taint on GPU nodes."""

MIG_LABEL = "nvidia.com/mig.config"
SLICES_LABEL = "nvidia.com/device-plugin.config"
WHOLE = "whole"
"""Labels by which the MIG manager and the device plugin choose a node's configuration, and the plugin's configuration
for nodes that have no such label (GPU operator v26.7, gpu-operator-mig and gpu-sharing, 2026)."""

UNDIVIDED = "all-disabled"
"""The MIG manager's configuration for nodes that have no label."""


def partition_labels(partition: Partition) -> dict[str, str]:
    """What tells a node how to divide its accelerators."""
    if partition.mig_profile is None:
        return {SLICES_LABEL: partition.name}
    return {MIG_LABEL: _mig_config_name(partition)}


def slices_of(requests: Iterable[CapacityRequest]) -> list[Partition]:
    """Every number of time slices that is asked for, sorted."""
    return [partition for partition in _partitions(requests) if partition.mig_profile is None]


def mig_of(requests: Iterable[CapacityRequest]) -> list[Partition]:
    """Every MIG profile that is asked for, sorted."""
    return [partition for partition in _partitions(requests) if partition.mig_profile is not None]


def plugin_configs(slices: Sequence[Partition]) -> dict[str, str]:
    """Configurations of the device plugin by name. More than one slice gives no more of the device (NVIDIA device
    plugin v0.20, "shared access"), so none is handed out."""
    whole = {"version": "v1"}
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
        for partition in slices
    }
    return {name: json.dumps(config) for name, config in {WHOLE: whole, **sliced}.items()}


def mig_config(profiles: Sequence[Partition]) -> str:
    """Configurations of the MIG manager (mig-parted v1). The chart's own end with the GPUs of its release, and fill a
    device with as many parts as it takes, whatever was planned."""
    divided = {
        _mig_config_name(partition): [
            {"devices": "all", "mig-enabled": True, "mig-devices": {partition.mig_profile: partition.parts}}
        ]
        for partition in profiles
    }
    configs = {UNDIVIDED: [{"devices": "all", "mig-enabled": False}], **divided}
    return json.dumps({"version": "v1", "mig-configs": configs})


def _mig_config_name(partition: Partition) -> str:
    """With the number, because devices of two sizes can have a profile in common and take it more or less often."""
    return f"all-{partition.mig_profile}-x{partition.parts}"


def _partitions(requests: Iterable[CapacityRequest]) -> list[Partition]:
    return sorted({request.partition for request in requests if request.partition is not None}, key=_order)


def _order(partition: Partition) -> tuple[str, int]:
    return partition.name, partition.parts
