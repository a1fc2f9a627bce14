"""Which operating system goes with which way of getting nodes."""

from __future__ import annotations

import pytest

from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy, OperatingSystem, Platform
from ai_on_eks.descriptors.platform_checks import check_platform
from ai_on_eks.descriptors.platform_network import Network


def codes(strategy: CapacityStrategy, system: OperatingSystem) -> list[str]:
    platform = Platform(
        name="demo",
        region="us-east-1",
        network=Network(availability_zones=("us-east-1a", "us-east-1b")),
        capacity=Capacity(strategy=strategy, operating_system=system),
    )
    return [problem.code for problem in check_platform(platform)]


@pytest.mark.parametrize("system", OperatingSystem)
def test_managed_groups_start_every_system(system: OperatingSystem) -> None:
    assert codes(CapacityStrategy.MANAGED_NODE_GROUPS, system) == []


def test_karpenter_starts_what_its_classes_describe() -> None:
    assert codes(CapacityStrategy.KARPENTER, OperatingSystem.AL2023) == []
    assert codes(CapacityStrategy.KARPENTER, OperatingSystem.BOTTLEROCKET) == ["system-not-started"]
