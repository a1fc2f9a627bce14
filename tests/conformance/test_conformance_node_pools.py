"""What we tell Karpenter against its published CRDs, for every kind of node that the catalogue offers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from custom_resource_schemas import problems_of

sys.path.insert(0, str(Path(__file__).parent.parent / "stacks"))

import stacks_samples as samples

from ai_on_eks.aws.karpenter.objects import karpenter_objects
from ai_on_eks.aws.node_groups import capacity_spec
from ai_on_eks.aws.node_placement import placed_spec
from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.platform import Capacity, OperatingSystem
from ai_on_eks.placement.types import CapacityRequest

TYPES = ("g6e.xlarge", "p5.48xlarge", "p6-b200.48xlarge", "inf2.48xlarge", "trn2.48xlarge", "c7i.2xlarge")
"""One and many accelerators, hyphens in the family, both vendors, none."""


def requests() -> list[CapacityRequest]:
    kinds = [load_catalog("us-east-1").instance_type(name) for name in TYPES]
    reserved = {"reservation_id": "cr-0123456789abcdef0", "name": "reserved"}
    return [
        *(samples.request(kind, name=kind.name.replace(".", "-")) for kind in kinds),
        samples.request(kinds[0], capacity_type="capacity-block", **reserved),
        samples.request(kinds[0], capacity_type="spot", name="spot"),
        samples.request(kinds[1], efa=True, zones=("us-east-1a",), name="fabric"),
    ]


@pytest.mark.parametrize("system", OperatingSystem)
@pytest.mark.parametrize("request_", requests(), ids=lambda request: str(request.name))
def test_karpenter_takes_the_objects_of_a_request(
    shared: Path, request_: CapacityRequest, system: OperatingSystem
) -> None:
    platform = samples.platform(capacity=Capacity(operating_system=system))
    spec = placed_spec(capacity_spec(request_, samples.ZONES, system), {request_.pool: "near"})
    found = karpenter_objects(platform, [spec])
    assert len(found) == 2
    assert [problem for manifest in found.values() for problem in problems_of(shared / "crds", manifest)] == []


def test_the_check_would_find_a_field_that_karpenter_does_not_know(shared: Path) -> None:
    found: dict[str, Any] = karpenter_objects(samples.platform(), [capacity_spec(requests()[0], samples.ZONES)])
    node_class = found["NodeClass-g6e-xlarge"]
    node_class["spec"]["instanceStorePolicy"] = "RAID1"
    assert problems_of(shared / "crds", node_class)
