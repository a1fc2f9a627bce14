"""Which operating system and software of GPUs go with which way of getting nodes."""

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
@pytest.mark.parametrize("strategy", CapacityStrategy)
def test_every_way_of_getting_nodes_starts_every_system(strategy: CapacityStrategy, system: OperatingSystem) -> None:
    assert codes(strategy, system) == []


def test_claims_need_nodes_that_are_there_before_the_pod() -> None:
    al2023, claims = OperatingSystem.AL2023, GpuSoftware.DRA_DRIVER
    assert codes(CapacityStrategy.MANAGED_NODE_GROUPS, al2023, claims) == []
    assert codes(CapacityStrategy.KARPENTER, al2023, claims) == ["claims-not-served"]
    assert codes(CapacityStrategy.AUTO_MODE, al2023, claims) == ["claims-not-served"]
