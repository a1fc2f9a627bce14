"""The network stack."""

from __future__ import annotations

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from ai_on_eks.aws.network import PlatformNetwork
from ai_on_eks.descriptors.platform import Platform
from stacks.base import PlatformStack


class NetworkStack(PlatformStack):
    """The VPC everything else stands in."""

    def __init__(self, scope: Construct, *, platform: Platform) -> None:
        super().__init__(
            scope, "network", platform=platform, description="VPC, subnets and NAT of the AI platform", keeps_data=True
        )
        self.vpc: ec2.IVpc = PlatformNetwork(self, "Network", network=platform.network).vpc
