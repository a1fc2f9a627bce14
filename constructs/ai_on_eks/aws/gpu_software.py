"""The releases that NVIDIA nodes need, by `capacity.gpu_software`, each part with one owner."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.aws import gpu_dra, gpu_operator, gpu_plugin
from ai_on_eks.aws.gpu_owners import owner_problems
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.catalog.gpu_parts import GpuPart, parts_of_nodes
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.platform import GpuSoftware, Platform
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.types import CapacityRequest


def gpu_releases(platform: Platform, requests: Sequence[CapacityRequest]) -> tuple[HelmRelease, ...]:
    """None where no node has an NVIDIA GPU; InputError where a part would have two owners or none."""
    wanted = [request for request in requests if _is_nvidia(request)]
    if not wanted:
        return ()
    releases = _releases(platform, wanted)
    problems = _division_problems(platform, wanted) or owner_problems(platform, wanted, releases)
    if problems:
        raise InputError(problems)
    return releases


def _is_nvidia(request: CapacityRequest) -> bool:
    accelerator = request.instance_type.accelerator
    return accelerator is not None and accelerator.vendor is Vendor.NVIDIA


def _division_problems(platform: Platform, requests: Sequence[CapacityRequest]) -> list[Problem]:
    """Claims are of whole GPUs."""
    divided = sorted({request.instance_type.name for request in requests if request.partition is not None})
    if platform.capacity.gpu_software is not GpuSoftware.DRA_DRIVER or not divided:
        return []
    return [
        Problem(
            code="gpu-division-not-possible",
            message=f"pods claim whole GPUs, and the plan divides those of {', '.join(divided)}",
            path="capacity.gpu_software",
            value=platform.capacity.gpu_software.value,
            fix="set capacity.gpu_software to gpu-operator, or leave constraints.accelerator_sharing out",
        )
    ]


def _releases(platform: Platform, requests: Sequence[CapacityRequest]) -> tuple[HelmRelease, ...]:
    software = platform.capacity.gpu_software
    if software is GpuSoftware.GPU_OPERATOR:
        return (gpu_operator.release(platform, requests),)
    if software is GpuSoftware.DRA_DRIVER:
        return (gpu_dra.driver_release(requests), gpu_plugin.metrics_release(requests, by_claim=True))
    image = parts_of_nodes(platform.capacity.operating_system.value)
    plugin = () if GpuPart.DEVICE_PLUGIN in image else (gpu_plugin.plugin_release(requests),)
    return (*plugin, gpu_plugin.metrics_release(requests))
