from __future__ import annotations

from typing import Any

import pytest
from aws_templates import all_of, only, samples, template_of

from ai_on_eks.aws.network import PlatformNetwork, node_subnets
from ai_on_eks.aws.network_checks import check_network
from ai_on_eks.descriptors.platform_network import ExistingVpc, NatGateways, Network
from ai_on_eks.errors import InputError


def network(**changes: Any) -> Network:
    return Network(**{"availability_zones": samples.ZONES, **changes})


def template(value: Network) -> dict[str, Any]:
    return template_of(
        lambda stack: PlatformNetwork(stack, "Network", network=value, flow_logs_days=90),
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


def test_without_nat_the_private_subnets_stay_what_they_are() -> None:
    """A subnet cannot be replaced while nodes are in it."""
    private = {name: item for name, item in subnets(template(network())).items() if "Private" in name}
    assert subnets(template(network(nat_gateways=NatGateways.NONE))) == private


def test_nodes_lie_in_the_second_range_where_there_is_one() -> None:
    document = template(network(cidr="10.9.0.0/24", secondary_cidr="100.64.0.0/16"))
    by_kind = {name: block for name, (_zone, block) in subnets(document).items()}
    assert sorted(block for name, block in by_kind.items() if "Private" in name) == [
        "100.64.0.0/19", "100.64.32.0/19", "100.64.64.0/19",
    ]  # fmt: skip
    assert all(block.startswith("10.9.0.") for name, block in by_kind.items() if "Public" in name)
    ((name, added),) = all_of(document, "AWS::EC2::VPCCidrBlock").items()
    assert added["Properties"]["CidrBlock"] == "100.64.0.0/16"
    private = [item for key, item in all_of(document, "AWS::EC2::Subnet").items() if "Private" in key]
    assert all(name in item["DependsOn"] for item in private)


@pytest.mark.parametrize("cidr", ["10.9.0.0/20", "10.9.0.0/24"])
def test_a_small_block_is_enough_beside_a_second_range(cidr: str) -> None:
    check_network(network(cidr=cidr, secondary_cidr="100.64.0.0/16"))
    six = tuple(f"us-east-1{letter}" for letter in "abcdef")
    assert len(subnets(template(network(cidr=cidr, secondary_cidr="100.64.0.0/16", availability_zones=six)))) == 12


def test_a_zone_that_takes_no_control_plane_is_refused_where_its_id_is_given() -> None:
    check_network(network(zone_ids={"us-east-1a": "use1-az4"}))
    with pytest.raises(InputError) as caught:
        check_network(network(zone_ids={"us-east-1a": "use1-az4", "us-east-1c": "use1-az3"}))
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == ("zone-without-control-plane", "network.zone_ids.us-east-1c")


EXISTING = ExistingVpc(
    vpc_id="vpc-0123456789abcdef0",
    cidr="10.20.0.0/16",
    private_subnet_ids={zone: f"subnet-0123456789abcdef{index}" for index, zone in enumerate(samples.ZONES)},
)


def test_a_vpc_that_stands_is_used_as_it_is_and_nothing_is_looked_up() -> None:
    built: list[PlatformNetwork] = []
    value = network(existing_vpc=EXISTING)
    document = template_of(
        lambda stack: built.append(PlatformNetwork(stack, "Network", network=value, flow_logs_days=90)),
        samples.platform(network=value),
    )
    # A template without a resource is refused, so one stands in that does nothing.
    assert [item["Type"] for item in document["Resources"].values()] == ["AWS::CloudFormation::WaitConditionHandle"]
    (made,) = built
    assert made.vpc.vpc_id == EXISTING.vpc_id
    assert [(subnet.availability_zone, subnet.subnet_id) for subnet in node_subnets(made.vpc)] == list(
        EXISTING.private_subnet_ids.items()
    )
