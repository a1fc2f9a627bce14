"""Contradictions in `network` of a platform file, each with its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ai_on_eks.descriptors.loading import load_platform
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import InputError

ZONES = ["us-east-1a", "us-east-1b"]
SUBNETS = {zone: f"subnet-0123456789abcdef{index}" for index, zone in enumerate(ZONES)}
EXISTING = {"vpc_id": "vpc-0123456789abcdef0", "cidr": "10.20.0.0/16", "private_subnet_ids": SUBNETS}
RENDER = {"delivery": {"mode": "render"}, "image_mirror": "registry.example.com"}
CLOSED = {"nat_gateways": "none", "interface_endpoints": "required"}


def load(folder: Path, network: dict[str, Any], **platform: Any) -> Platform:
    path = folder / "platform.yaml"
    document = {
        "name": "ai",
        "region": "us-east-1",
        "network": {"availability_zones": ZONES, **network},
        **platform,
    }
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return load_platform(path)


@pytest.mark.parametrize(
    ("network", "code", "path"),
    [
        ({"availability_zones": ["us-east-1a", "eu-west-1a"]}, "zone-not-in-region", "network.availability_zones[1]"),
        ({"availability_zones": ["us-east-1a", "us-east-1a"]}, "duplicate-value", "network.availability_zones[1]"),
        ({"cidr": "10.0.0.1/16"}, "bad-range", "network.cidr"),
        ({"cidr": "10.0.0.0/25"}, "out-of-range", "network.cidr"),
        ({"secondary_cidr": "100.64.0.0/18"}, "out-of-range", "network.secondary_cidr"),
        ({"cidr": "10.0.0.0/20", "secondary_cidr": "10.0.0.0/16"}, "secondary-range", "network.secondary_cidr"),
        ({"cidr": "10.0.0.0/20", "secondary_cidr": "172.16.0.0/16"}, "secondary-range", "network.secondary_cidr"),
        ({"zone_ids": {"us-east-1f": "use1-az5"}}, "zone-not-used", "network.zone_ids.us-east-1f"),
        ({"zone_ids": dict.fromkeys(ZONES, "use1-az4")}, "duplicate-value", "network.zone_ids.us-east-1b"),
        ({"zone_ids": {"us-east-1a": "us-east-1a"}}, "bad-pattern", "network.zone_ids.us-east-1a"),
        (
            {"existing_vpc": {**EXISTING, "private_subnet_ids": {"us-east-1a": SUBNETS["us-east-1a"]}}},
            "zone-left-out",
            "network.existing_vpc.private_subnet_ids",
        ),
        (
            {"existing_vpc": {**EXISTING, "private_subnet_ids": dict.fromkeys(ZONES, SUBNETS["us-east-1a"])}},
            "duplicate-value",
            "network.existing_vpc.private_subnet_ids.us-east-1b",
        ),
        ({"existing_vpc": {**EXISTING, "cidr": "10.20.0.1/16"}}, "bad-range", "network.existing_vpc.cidr"),
        ({"existing_vpc": {**EXISTING, "vpc_id": "my-vpc"}}, "bad-pattern", "network.existing_vpc.vpc_id"),
        (
            {"existing_vpc": EXISTING, "secondary_cidr": "100.64.0.0/16"},
            "existing-vpc-changed",
            "network.secondary_cidr",
        ),
        ({"nat_gateways": "none"}, "isolated-without-endpoints", "network.interface_endpoints"),
    ],
)
def test_a_contradiction_is_told_with_its_path(tmp_path: Path, network: dict[str, Any], code: str, path: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, network, **RENDER)
    assert [(problem.code, problem.path) for problem in caught.value.problems] == [(code, path)]
    assert caught.value.problems[0].fix


@pytest.mark.parametrize(
    "network",
    [
        CLOSED,
        {"cidr": "10.9.0.0/24", "secondary_cidr": "100.64.0.0/16"},
        {"cidr": "10.9.0.0/24", "secondary_cidr": "10.64.0.0/16"},
        {"zone_ids": {"us-east-1a": "use1-az4"}},
        {"existing_vpc": EXISTING},
        {"existing_vpc": EXISTING, "nat_gateways": "none"},  # it has endpoints of its own
    ],
)
def test_what_belongs_together_is_accepted(tmp_path: Path, network: dict[str, Any]) -> None:
    platform = load(tmp_path, network, **RENDER)
    assert platform.network.is_isolated is (network.get("nat_gateways") == "none")


def test_objects_cannot_be_applied_from_a_network_without_internet(tmp_path: Path) -> None:
    load(tmp_path, {})
    with pytest.raises(InputError) as caught:
        load(tmp_path, CLOSED, image_mirror="registry.example.com")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("needs-internet", "delivery.mode")
