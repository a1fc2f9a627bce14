"""Private ways to AWS services: each that is needed, once, in every zone, and open to the nodes alone."""

from __future__ import annotations

from typing import Any

import pytest
from aws_cdk import Stack
from aws_templates import all_of, only, samples, template_of

from ai_on_eks.aws.network import PlatformNetwork
from ai_on_eks.aws.vpc_endpoints import SERVICES, PrivateEndpoints
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy
from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind
from ai_on_eks.descriptors.platform_network import InterfaceEndpoints, NatGateways, Network
from ai_on_eks.descriptors.platform_storage import ElasticFileSystem, FsxForLustre, PlatformStorage

NOTHING_MONITORED = Monitoring()


def template(
    strategy: CapacityStrategy = CapacityStrategy.MANAGED_NODE_GROUPS,
    monitoring: Monitoring = NOTHING_MONITORED,
    storage: PlatformStorage = PlatformStorage(),  # noqa: B008 - frozen
    **changes: Any,
) -> dict[str, Any]:
    network = Network(
        **{
            "availability_zones": samples.ZONES,
            "nat_gateways": NatGateways.NONE,
            "interface_endpoints": InterfaceEndpoints.REQUIRED,
            **changes,
        }
    )

    capacity = Capacity(strategy=strategy)
    platform = samples.platform(network=network, capacity=capacity, monitoring=monitoring, storage=storage)

    def build(stack: Stack) -> None:
        vpc = PlatformNetwork(stack, "Network", network=network, flow_logs_days=90).vpc
        PrivateEndpoints(stack, "Endpoints", vpc=vpc, platform=platform)

    return template_of(build, platform)


@pytest.fixture(scope="module")
def isolated() -> dict[str, Any]:
    return template()


def interfaces(document: dict[str, Any]) -> list[dict[str, Any]]:
    endpoints = [item["Properties"] for item in all_of(document, "AWS::EC2::VPCEndpoint").values()]
    return [item for item in endpoints if item["VpcEndpointType"] == "Interface"]


def test_what_nodes_and_add_ons_call_has_an_endpoint_each(isolated: dict[str, Any]) -> None:
    names = sorted(item["ServiceName"].removeprefix("com.amazonaws.us-east-1.") for item in interfaces(isolated))
    assert names == sorted(SERVICES)
    assert set(names) >= {"ecr.api", "ecr.dkr", "sts", "ec2", "eks", "eks-auth", "ssm", "ssmmessages", "logs"}


def test_karpenter_reaches_its_queue_where_nothing_reaches_the_internet() -> None:
    names = {item["ServiceName"].rpartition(".")[2] for item in interfaces(template(CapacityStrategy.KARPENTER))}
    assert "sqs" in names
    assert "sqs" not in SERVICES


def test_file_systems_bring_the_endpoints_of_their_own_services() -> None:
    document = template(storage=PlatformStorage(fsx=FsxForLustre(zone="us-east-1a"), efs=ElasticFileSystem()))
    names = {item["ServiceName"].removeprefix("com.amazonaws.us-east-1.") for item in interfaces(document)}
    assert names == {*SERVICES, "fsx", "elasticfilesystem"}


def test_an_endpoint_answers_to_the_public_name_in_every_zone(isolated: dict[str, Any]) -> None:
    subnets = set(all_of(isolated, "AWS::EC2::Subnet"))
    for item in interfaces(isolated):
        assert item["PrivateDnsEnabled"] is True
        assert {subnet["Ref"] for subnet in item["SubnetIds"]} == subnets


def test_only_the_nodes_addresses_reach_them_and_they_reach_nobody(isolated: dict[str, Any]) -> None:
    group = only(isolated, "AWS::EC2::SecurityGroup")["Properties"]
    (rule,) = group["SecurityGroupIngress"]
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == ("10.0.0.0/16", 443, 443)
    assert [rule["CidrIp"] for rule in group["SecurityGroupEgress"]] == ["255.255.255.255/32"]
    assert not all_of(isolated, "AWS::EC2::SecurityGroupIngress")


def test_nodes_in_the_second_range_reach_them_too() -> None:
    document = template(cidr="10.9.0.0/24", secondary_cidr="100.64.0.0/16")
    (rule,) = only(document, "AWS::EC2::SecurityGroup")["Properties"]["SecurityGroupIngress"]
    assert rule["CidrIp"] == "100.64.0.0/16"


def test_without_nat_there_is_no_way_out_and_weights_still_come_from_s3(isolated: dict[str, Any]) -> None:
    kinds = {item["Type"] for item in isolated["Resources"].values()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::EIP"}
    assert not all_of(isolated, "AWS::EC2::Route")
    endpoints = [item["Properties"] for item in all_of(isolated, "AWS::EC2::VPCEndpoint").values()]
    (gateway,) = [item for item in endpoints if item["VpcEndpointType"] == "Gateway"]
    assert len(gateway["RouteTableIds"]) == 3


TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms"


@pytest.mark.parametrize(
    ("monitoring", "expected"),
    [
        (Monitoring(kind=MonitoringKind.MANAGED), {"aps-workspaces"}),
        (Monitoring(kind=MonitoringKind.IN_CLUSTER, alarm_topic=TOPIC), {"sns"}),
        (Monitoring(kind=MonitoringKind.IN_CLUSTER), set()),
    ],
)
def test_a_collector_reaches_what_it_sends_to_and_no_endpoint_is_idle(
    monitoring: Monitoring, expected: set[str]
) -> None:
    found = {
        item["ServiceName"].removeprefix("com.amazonaws.us-east-1.")
        for item in interfaces(template(monitoring=monitoring))
    }
    assert found - set(SERVICES) == expected
