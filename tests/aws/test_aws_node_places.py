"""Where controllers look for subnets: exactly those that the network stack makes, or that the file names."""

from __future__ import annotations

from typing import Any

import pytest
from aws_templates import all_of, samples, template_of

from ai_on_eks.aws.network import PlatformNetwork
from ai_on_eks.aws.node_places import subnet_terms
from ai_on_eks.descriptors.platform_network import ExistingVpc, InterfaceEndpoints, NatGateways, Network

CLOSED = {"nat_gateways": NatGateways.NONE, "interface_endpoints": InterfaceEndpoints.REQUIRED}
EXISTING = ExistingVpc(
    vpc_id="vpc-0123456789abcdef0",
    cidr="10.20.0.0/16",
    private_subnet_ids={zone: f"subnet-0123456789abcdef{index}" for index, zone in enumerate(samples.ZONES)},
)


@pytest.mark.parametrize(
    "network", [{}, CLOSED, {"cidr": "10.9.0.0/24", "secondary_cidr": "100.64.0.0/16"}], ids=["nat", "closed", "second"]
)
def test_the_tags_are_those_of_the_nodes_subnets_and_of_no_other(network: dict[str, Any]) -> None:
    described = Network(availability_zones=samples.ZONES, **network)
    platform = samples.platform(network=described)
    document = template_of(
        lambda stack: PlatformNetwork(stack, "Network", network=described, flow_logs_days=90), platform
    )
    (term,) = subnet_terms(platform)
    wanted = dict(term["tags"])
    assert wanted.pop("ai-on-eks/platform") == platform.name  # the stack's own tag, on everything in it
    found = {
        name
        for name, item in all_of(document, "AWS::EC2::Subnet").items()
        if wanted.items() <= {tag["Key"]: tag["Value"] for tag in item["Properties"]["Tags"]}.items()
    }
    assert len(found) == len(samples.ZONES)
    assert all("PrivateSubnet" in name for name in found)


def test_the_subnets_of_a_vpc_that_is_not_ours_are_named_by_their_ids() -> None:
    network = Network(availability_zones=samples.ZONES, existing_vpc=EXISTING)
    assert subnet_terms(samples.platform(network=network)) == [
        {"id": subnet} for subnet in EXISTING.private_subnet_ids.values()
    ]
