"""The releases that NVIDIA nodes need, by `capacity.gpu_software`, each part with one owner."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.aws import gpu_operator, gpu_plugin
from ai_on_eks.aws.gpu_owners import owner_problems
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.catalog.gpu_parts import GpuPart, parts_of_nodes
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.platform import GpuSoftware, Platform
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import CapacityRequest


def gpu_releases(platform: Platform, requests: Sequence[CapacityRequest]) -> tuple[HelmRelease, ...]:
    """None where no node has an NVIDIA GPU; InputError where a part would have two owners or none."""
    wanted = [request for request in requests if _is_nvidia(request)]
    if not wanted:
        return ()
    releases = _releases(platform, wanted)
    problems = owner_problems(platform, wanted, releases)
    if problems:
        raise InputError(problems)
    return releases


def _is_nvidia(request: CapacityRequest) -> bool:
    accelerator = request.instance_type.accelerator
    return accelerator is not None and accelerator.vendor is Vendor.NVIDIA


def _releases(platform: Platform, requests: Sequence[CapacityRequest]) -> tuple[HelmRelease, ...]:
    if platform.capacity.gpu_software is GpuSoftware.GPU_OPERATOR:
        return (gpu_operator.release(platform, requests),)
    image = parts_of_nodes(platform.capacity.operating_system.value)
    plugin = () if GpuPart.DEVICE_PLUGIN in image else (gpu_plugin.plugin_release(requests),)
    return (*plugin, gpu_plugin.metrics_release(requests))
