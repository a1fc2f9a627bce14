"""The VPC: where subnets lie and who reaches what.

    private subnet = VPC prefix + 3 bits     (8 slots, 6 zones; nodes, pods, the control plane's interfaces)
    public subnet  = VPC prefix + 8 bits     (NAT gateways and nothing else)

Six zones are always laid out, used or not, so a zone appended to the platform file never moves a subnet that exists.
Splitting the VPC evenly over the zones in use would waste less and renumber everything on the first change.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from aws_cdk import Acknowledgment, RemovalPolicy, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from ai_on_eks.descriptors.platform import NatGateways, Network
from ai_on_eks.errors import InputError, Problem

ZONES_LAID_OUT = 6
"""us-east-1 has six zones, more than any other region (EC2, 2026-11)."""

PRIVATE_BITS = 3
PUBLIC_BITS = 8

SMALLEST_NODE_SUBNET_PREFIX = 20
"""A /20 holds 4,091 addresses. The VPC CNI gives every pod one and keeps a warm interface's worth per node, and a
node with EFA takes one per network card: smaller subnets run dry in the middle of a rollout."""

LARGEST_VPC_PREFIX = 16
"""EC2 makes no VPC larger than a /16 (VPC user guide, "VPC CIDR blocks", 2026-11)."""

FLOW_LOG_RETENTION = logs.RetentionDays.THREE_MONTHS
"""Long enough to investigate an incident found late, short enough to stay cheap."""


class PlatformNetwork(Construct):
    """A VPC with one private and one public subnet in each named zone.

    The stack around it must answer `availability_zones` with the same zones: otherwise CDK looks them up, which needs
    credentials. The default security group stays as EC2 makes it: closing it takes a custom resource whose Lambda may
    change security groups, more to guard than a group that no interface of the platform carries.
    """

    def __init__(self, scope: Construct, id: str, *, network: Network) -> None:  # noqa: A002 - CDK's name
        super().__init__(scope, id)
        check_network(network)
        block = IPv4Network(network.cidr)
        zones = network.availability_zones
        self.vpc = ec2.Vpc(
            self,
            "Resource",
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            availability_zones=list(zones),
            reserved_azs=ZONES_LAID_OUT - len(zones),
            nat_gateways=len(zones) if network.nat_gateways is NatGateways.PER_ZONE else 1,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Private",
                    subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS,
                    cidr_mask=block.prefixlen + PRIVATE_BITS,
                ),
                ec2.SubnetConfiguration(
                    name="Public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=block.prefixlen + PUBLIC_BITS,
                    map_public_ip_on_launch=False,
                ),
            ],
            # Weights and image layers come from S3; through the NAT gateway every byte would be charged.
            gateway_endpoints={"S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)},
            restrict_default_security_group=False,
        )
        self._log_flows()
        Validations.of(self).acknowledge(
            Acknowledgment(
                id="CloudFormation-Validate::W3010",
                reason="zones are named because a look-up needs credentials and a changed answer moves subnets",
            )
        )

    def _log_flows(self) -> None:
        # CloudWatch encrypts at rest with its own key. The records hold addresses and ports, no contents: a customer
        # key would add a permission that can break logging and protect nothing further.
        group = logs.LogGroup(self, "FlowLogGroup", retention=FLOW_LOG_RETENTION, removal_policy=RemovalPolicy.DESTROY)
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group),
            traffic_type=ec2.FlowLogTrafficType.ALL,
            max_aggregation_interval=ec2.FlowLogMaxAggregationInterval.TEN_MINUTES,
        )


def check_network(network: Network) -> None:
    """Raise InputError for a block too small for the nodes. The loader has checked that it is a block at all."""
    block = IPv4Network(network.cidr)
    smallest = SMALLEST_NODE_SUBNET_PREFIX - PRIVATE_BITS
    if LARGEST_VPC_PREFIX <= block.prefixlen <= smallest:
        return
    nodes_prefix = block.prefixlen + PRIVATE_BITS
    raise InputError(
        Problem(
            code="network-cidr-size",
            message=f"a /{block.prefixlen} gives node subnets of /{nodes_prefix}; nodes need /20 or larger",
            path="network.cidr",
            value=network.cidr,
            allowed=tuple(f"/{prefix}" for prefix in range(LARGEST_VPC_PREFIX, smallest + 1)),
            fix=f"use {block.network_address}/{LARGEST_VPC_PREFIX}",
        )
    )
