"""Which operating system goes with which way of getting nodes."""

from __future__ import annotations

import pytest

from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy, GpuSoftware, OperatingSystem, Platform
from ai_on_eks.descriptors.platform_checks import check_platform
from ai_on_eks.descriptors.platform_network import Network


def codes(strategy: CapacityStrategy, system: OperatingSystem, software: GpuSoftware | None = None) -> list[str]:
    platform = Platform(
        name="demo",
        region="us-east-1",
        network=Network(availability_zones=("us-east-1a", "us-east-1b")),
        capacity=Capacity(
            strategy=strategy, operating_system=system, gpu_software=software or GpuSoftware.GPU_OPERATOR
        ),
    )
    return [problem.code for problem in check_platform(platform)]


@pytest.mark.parametrize("system", OperatingSystem)
def test_managed_groups_start_every_system(system: OperatingSystem) -> None:
    assert codes(CapacityStrategy.MANAGED_NODE_GROUPS, system) == []


@pytest.mark.parametrize("system", OperatingSystem)
def test_auto_mode_starts_its_own_whatever_the_file_says(system: OperatingSystem) -> None:
    assert codes(CapacityStrategy.AUTO_MODE, system) == []


def test_karpenter_starts_what_its_classes_describe() -> None:
    assert codes(CapacityStrategy.KARPENTER, OperatingSystem.AL2023) == []
    assert codes(CapacityStrategy.KARPENTER, OperatingSystem.BOTTLEROCKET) == ["system-not-started"]


def test_claims_need_nodes_that_are_there_before_the_pod() -> None:
    al2023, claims = OperatingSystem.AL2023, GpuSoftware.DRA_DRIVER
    assert codes(CapacityStrategy.MANAGED_NODE_GROUPS, al2023, claims) == []
    assert codes(CapacityStrategy.KARPENTER, al2023, claims) == ["claims-not-served"]
    assert codes(CapacityStrategy.AUTO_MODE, al2023, claims) == ["claims-not-served"]
