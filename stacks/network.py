"""The network stack."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from ai_on_eks.aws.network import PlatformNetwork
from ai_on_eks.aws.vpc_endpoints import PrivateEndpoints
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_network import InterfaceEndpoints
from stacks.base import PlatformStack


class NetworkStack(PlatformStack):
    """The VPC everything else stands in."""

    def __init__(self, scope: Construct, *, platform: Platform) -> None:
        super().__init__(
            scope, "network", platform=platform, description="VPC, subnets and NAT of the AI platform", keeps_data=True
        )
        network = platform.network
        self.vpc: ec2.IVpc = PlatformNetwork(
            self, "Network", network=network, flow_logs_days=platform.retention.flow_logs_days
        ).vpc
        if network.interface_endpoints is InterfaceEndpoints.REQUIRED:
            PrivateEndpoints(self, "Endpoints", vpc=self.vpc, platform=platform)
