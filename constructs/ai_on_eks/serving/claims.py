"""Devices that a pod claims (dynamic resource allocation) instead of asking for a number of an extended resource."""

from __future__ import annotations

from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.platform import GpuSoftware, Platform
from ai_on_eks.placement.types import Placement
from ai_on_eks.serving.types import Json

GPU_CLASS = "gpu.nvidia.com"
"""Device class of whole GPUs (dra-driver-nvidia-gpu 0.4, 2026)."""

CLAIM = "accelerators"
"""The claim's name within a pod, and the request's within the claim."""


def claims_devices(platform: Platform, placement: Placement) -> bool:
    """Whether the platform hands out this placement's devices by claim: NVIDIA's, where their DRA driver runs."""
    accelerator = placement.instance_type.accelerator
    return (
        platform.capacity.gpu_software is GpuSoftware.DRA_DRIVER
        and accelerator is not None
        and accelerator.vendor is Vendor.NVIDIA
        and placement.accelerators_per_replica > 0
    )


def device_claim(placement: Placement) -> Json:
    """ResourceClaim spec (resource.k8s.io/v1) of one pod: so many whole GPUs of its node."""
    exactly = {
        "deviceClassName": GPU_CLASS,
        "allocationMode": "ExactCount",
        "count": placement.accelerators_per_replica // placement.nodes_per_replica,
    }
    return {"devices": {"requests": [{"name": CLAIM, "exactly": exactly}]}}
