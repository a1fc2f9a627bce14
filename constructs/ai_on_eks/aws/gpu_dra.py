"""NVIDIA's driver for dynamic resource allocation: pods claim GPUs, and no device plugin counts them.

It takes the device plugin's place: with both on a node, each hands out GPUs that the other has given away, and nothing
says so (EKS user guide, device-management-nvidia, 2026-11).
"""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.aws.gpu_plugin import on_gpu_types, tolerations
from ai_on_eks.aws.helm_release import PRIVILEGED_NAMESPACE, HelmRelease, Json, pinned_release
from ai_on_eks.placement.types import CapacityRequest

CHART = "dra-driver-nvidia-gpu"


def driver_release(requests: Sequence[CapacityRequest]) -> HelmRelease:
    """The chart at the version whose keys `driver_values` uses."""
    return pinned_release(
        CHART,
        namespace=CHART,
        namespace_labels=PRIVILEGED_NAMESPACE,
        values=driver_values(requests),
    )


def driver_values(requests: Sequence[CapacityRequest]) -> Json:
    """The chart's values for the types that are asked for."""
    return {
        # Of itself it allocates domains of NVLink racks alone, and leaves GPUs to a device plugin.
        "gpuResourcesEnabledOverride": True,
        "resources": {"gpus": {"enabled": True}, "computeDomains": {"enabled": False}},
        # By type: the chart's own condition is a label of feature discovery, which does not run here.
        "kubeletPlugin": {"affinity": on_gpu_types(requests), "tolerations": tolerations()},
        # It would need a certificate that nothing here issues, and what we write is checked before.
        "webhook": {"enabled": False},
    }
