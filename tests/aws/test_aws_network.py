from __future__ import annotations

from typing import Any

import pytest
from aws_templates import all_of, only, samples, template_of

from ai_on_eks.aws.network import PlatformNetwork, check_network
from ai_on_eks.descriptors.platform import NatGateways, Network
from ai_on_eks.errors import InputError


def network(**changes: Any) -> Network:
    return Network(**{"availability_zones": samples.ZONES, **changes})


def template(value: Network) -> dict[str, Any]:
    return template_of(
        lambda stack: PlatformNetwork(stack, "Network", network=value),
        samples.platform(network=value),
    )


def subnets(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        name: (item["Properties"]["AvailabilityZone"], item["Properties"]["CidrBlock"])
        for name, item in all_of(document, "AWS::EC2::Subnet").items()
    }


@pytest.mark.parametrize("cidr", ["10.0.0.0/18", "10.0.0.0/24", "10.0.0.0/8"])
def test_a_block_that_cannot_hold_the_nodes_is_refused(cidr: str) -> None:
    with pytest.raises(InputError) as caught:
        check_network(network(cidr=cidr))
    (problem,) = caught.value.problems
    assert (problem.code, problem.value, problem.allowed) == ("network-cidr-size", cidr, ("/16", "/17"))


@pytest.mark.parametrize("cidr", ["10.0.0.0/16", "172.16.0.0/17"])
def test_a_block_with_room_for_a_20_is_accepted(cidr: str) -> None:
    check_network(network(cidr=cidr))


def test_subnets_lie_in_the_named_zones_with_room_for_nodes() -> None:
    assert sorted(subnets(template(network())).values(), key=lambda item: item[1]) == [
        ("us-east-1a", "10.0.0.0/19"),
        ("us-east-1a", "10.0.192.0/24"),
        ("us-east-1b", "10.0.193.0/24"),
        ("us-east-1c", "10.0.194.0/24"),
        ("us-east-1b", "10.0.32.0/19"),
        ("us-east-1c", "10.0.64.0/19"),
    ]


def test_an_appended_zone_moves_no_subnet_that_exists() -> None:
    before = subnets(template(network()))
    after = subnets(template(network(availability_zones=(*samples.ZONES, "us-east-1d"))))
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 2


@pytest.mark.parametrize(("nat", "count"), [(NatGateways.ONE, 1), (NatGateways.PER_ZONE, 3)])
def test_nat_gateways_are_as_many_as_asked(nat: NatGateways, count: int) -> None:
    assert len(all_of(template(network(nat_gateways=nat)), "AWS::EC2::NatGateway")) == count


def test_weights_from_s3_do_not_pass_the_nat_gateway() -> None:
    endpoint = only(template(network()), "AWS::EC2::VPCEndpoint")["Properties"]
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert endpoint["ServiceName"]["Fn::Join"][1][-1] == ".s3"
    assert len(endpoint["RouteTableIds"]) == 6


def test_flows_are_logged_for_a_limited_time() -> None:
    document = template(network())
    assert only(document, "AWS::EC2::FlowLog")["Properties"]["TrafficType"] == "ALL"
    assert only(document, "AWS::Logs::LogGroup")["Properties"]["RetentionInDays"] == 90


def test_no_machine_gets_a_public_address_by_itself() -> None:
    mapped = [
        item["Properties"]["MapPublicIpOnLaunch"] for item in all_of(template(network()), "AWS::EC2::Subnet").values()
    ]
    assert mapped == [False] * 6


def test_no_lambda_is_needed_to_make_the_network() -> None:
    document = template(network())
    assert not all_of(document, "AWS::Lambda::Function")
    assert not all_of(document, "Custom::VpcRestrictDefaultSG")
