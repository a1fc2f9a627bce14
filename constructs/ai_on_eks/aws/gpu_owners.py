"""Exactly one owner of every part of a node with NVIDIA GPUs.

    owners of a part = the machine image if it has it + every chart whose values turn it on

Judged from the values as they are installed and not from what was meant: two device plugins offer every GPU twice, a
second driver breaks the node, and without a MIG manager a divided node stays undivided without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.catalog.gpu_parts import GpuPart, parts_of_nodes
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import Problem
from ai_on_eks.placement.types import CapacityRequest

OPERATOR_SWITCHES = {
    GpuPart.DRIVER: "driver",
    GpuPart.TOOLKIT: "toolkit",
    GpuPart.DEVICE_PLUGIN: "devicePlugin",
    GpuPart.MIG_MANAGER: "migManager",
    GpuPart.METRICS: "dcgmExporter",
}
"""Keys of the GPU operator's values; a part whose switch is not set is on (chart v26.7.0)."""

PARTS_OF_CHART = {
    "dcgm-exporter": GpuPart.METRICS,
    "dra-driver-nvidia-gpu": GpuPart.DEVICE_PLUGIN,
    "nvidia-device-plugin": GpuPart.DEVICE_PLUGIN,
}
"""The driver for dynamic resource allocation hands out GPUs as the device plugin does: one of them can."""

ALWAYS_NEEDED = (GpuPart.DRIVER, GpuPart.TOOLKIT, GpuPart.DEVICE_PLUGIN, GpuPart.METRICS)

PATH = "capacity.gpu_software"


def owned_parts(release: HelmRelease) -> frozenset[GpuPart]:
    """What a release installs on nodes with NVIDIA GPUs."""
    if release.chart == "gpu-operator":
        values = release.values
        return frozenset(part for part, key in OPERATOR_SWITCHES.items() if values.get(key, {}).get("enabled", True))
    part = PARTS_OF_CHART.get(release.chart)
    return frozenset() if part is None else frozenset({part})


def owner_problems(
    platform: Platform, requests: Iterable[CapacityRequest], releases: Sequence[HelmRelease]
) -> list[Problem]:
    """Every part with two owners, or needed and with none."""
    system = platform.capacity.operating_system.value
    divided = any(request.partition is not None and request.partition.mig_profile for request in requests)
    problems: list[Problem] = []
    for part in GpuPart:
        image = [f"the {system} image"] if part in parts_of_nodes(system) else []
        owners = [*image, *(f"the chart {release.chart}" for release in releases if part in owned_parts(release))]
        if len(owners) > 1:
            problems.append(
                Problem(
                    code="gpu-part-twice",
                    message=f"the {part.value} of NVIDIA nodes belongs to {' and to '.join(owners)}",
                    path=PATH,
                    value=platform.capacity.gpu_software.value,
                    fix="leave it to one of them",
                )
            )
        elif not owners and (part in ALWAYS_NEEDED or divided):
            problems.append(
                Problem(
                    code="gpu-part-missing",
                    message=f"nothing brings the {part.value} to NVIDIA nodes of {system}",
                    path=PATH,
                    value=platform.capacity.gpu_software.value,
                    fix=f"set {PATH} to gpu-operator",
                )
            )
    return problems
