"""The VPC: where subnets lie and who reaches what.

    private subnet = range of the nodes + 3 bits     (8 slots, 6 zones; nodes, pods, the control plane's interfaces)
    public subnet  = VPC prefix + 8 bits             (NAT gateways and nothing else; at least a /28, EC2's smallest)

The range of the nodes is the VPC's own, or its second one where the platform names one: companies route few addresses,
and pods need many. Six zones are always laid out, used or not, so a zone appended to the platform file never moves a
subnet that exists. Splitting the VPC evenly over the zones in use would waste less and renumber everything on the first
change.
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network
from typing import cast

from aws_cdk import Acknowledgment, Annotations, CfnWaitConditionHandle, RemovalPolicy, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from ai_on_eks.aws.log_retention import RETENTION
from ai_on_eks.aws.network_checks import PRIVATE_BITS, ZONES_LAID_OUT, check_network
from ai_on_eks.descriptors.platform_network import ExistingVpc, NatGateways, Network
from ai_on_eks.descriptors.platform_retention import LogDays

PRIVATE_SUBNETS = "Private"
"""Name of the subnets that nodes lie in, with NAT or without."""

PUBLIC_BITS = 8

SMALLEST_SUBNET_PREFIX = 28
"""EC2 makes no smaller subnet (VPC user guide, "Subnet CIDR blocks", 2026-11)."""


class PlatformNetwork(Construct):
    """A VPC with one private and, where there is NAT, one public subnet in each named zone; or one that stands.

    The stack around it must answer `availability_zones` with the same zones: otherwise CDK looks them up, which needs
    credentials. The default security group stays as EC2 makes it: closing it takes a custom resource whose Lambda may
    change security groups, more to guard than a group that no interface of the platform carries.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        network: Network,
        flow_logs_days: LogDays,
    ) -> None:
        super().__init__(scope, id)
        check_network(network)
        if network.existing_vpc is None:
            self.vpc: ec2.IVpc = self._new(network, flow_logs_days)
        else:
            self.vpc = self._existing(network.existing_vpc, network.availability_zones)

    def _existing(self, existing: ExistingVpc, zones: Sequence[str]) -> ec2.IVpc:
        # CloudFormation refuses a template without resources, and this stack may have no other.
        CfnWaitConditionHandle(self, "NothingToMake")
        vpc = ec2.Vpc.from_vpc_attributes(
            self,
            "Resource",
            vpc_id=existing.vpc_id,
            vpc_cidr_block=existing.cidr,
            availability_zones=list(zones),
            private_subnet_ids=[existing.private_subnet_ids[zone] for zone in zones],
        )
        Annotations.of(vpc).acknowledge_warning("@aws-cdk/aws-ec2:noSubnetRouteTableId", "no route is added to them")
        return vpc

    def _new(self, network: Network, flow_logs_days: LogDays) -> ec2.Vpc:
        zones = network.availability_zones
        vpc = ec2.Vpc(
            self,
            "Resource",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            availability_zones=list(zones),
            reserved_azs=ZONES_LAID_OUT - len(zones),
            nat_gateways=_nat_gateways(network),
            subnet_configuration=_subnets(network),
            # Weights and image layers come from S3; through the NAT gateway every byte would be charged.
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
            restrict_default_security_group=False,
        )
        if network.secondary_cidr is not None:
            self._move_nodes(vpc, network.secondary_cidr)
        self._log_flows(vpc, flow_logs_days)
        Validations.of(self).acknowledge(
            Acknowledgment(
                id="CloudFormation-Validate::W3010",
                reason="zones are named because a look-up needs credentials and a changed answer moves subnets",
            )
        )
        return vpc

    def _move_nodes(self, vpc: ec2.Vpc, cidr: str) -> None:
        """Give the private subnets addresses of the second range. The L2 divides one range only."""
        added = ec2.CfnVPCCidrBlock(self, "NodeRange", vpc_id=vpc.vpc_id, cidr_block=cidr)
        ranges = IPv4Network(cidr).subnets(prefixlen_diff=PRIVATE_BITS)
        for subnet, cidr_block in zip(node_subnets(vpc), ranges, strict=False):
            resource = cast("ec2.CfnSubnet", subnet.node.default_child)
            resource.cidr_block = str(cidr_block)
            resource.node.add_dependency(added)

    def _log_flows(self, vpc: ec2.Vpc, days: LogDays) -> None:
        # CloudWatch encrypts at rest with its own key. The records hold addresses and ports, no contents: a customer
        # key would add a permission that can break logging and protect nothing further.
        group = logs.LogGroup(self, "FlowLogGroup", retention=RETENTION[days], removal_policy=RemovalPolicy.DESTROY)
        vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.ALL,
            max_aggregation_interval=ec2.FlowLogMaxAggregationInterval.TEN_MINUTES,
        )


def node_subnets(vpc: ec2.IVpc) -> list[ec2.ISubnet]:
    """Where nodes, pods and the control plane's interfaces lie, by zone. CDK calls them isolated without NAT."""
    return vpc.private_subnets or vpc.isolated_subnets


def _nat_gateways(network: Network) -> int:
    zones = len(network.availability_zones)
    return {NatGateways.ONE: 1, NatGateways.PER_ZONE: zones, NatGateways.NONE: 0}[network.nat_gateways]


def _subnets(network: Network) -> list[ec2.SubnetConfiguration]:
    """Both kinds keep their names when NAT comes or goes, so no subnet is replaced by it."""
    prefix = IPv4Network(network.cidr).prefixlen
    private = ec2.SubnetConfiguration(
        name=PRIVATE_SUBNETS,
        subnet_type=ec2.SubnetType.PRIVATE_ISOLATED if network.is_isolated else ec2.SubnetType.PRIVATE_WITH_EGRESS,
        # In the VPC's own range the smallest, where the subnets then move to the second one.
        cidr_mask=prefix + PRIVATE_BITS if network.secondary_cidr is None else SMALLEST_SUBNET_PREFIX,
    )
    public = ec2.SubnetConfiguration(
        name="Public",
        subnet_type=ec2.SubnetType.PUBLIC,
        cidr_mask=min(prefix + PUBLIC_BITS, SMALLEST_SUBNET_PREFIX),
        map_public_ip_on_launch=False,
    )
    return [private] if network.is_isolated else [private, public]
