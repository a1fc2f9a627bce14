"""The cluster stack."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from ai_on_eks.aws.cluster import PlatformCluster
from ai_on_eks.descriptors.platform import Platform
from stacks.base import PlatformStack


class ClusterStack(PlatformStack):
    """The EKS control plane with the add-ons that nodes wait for."""

    def __init__(self, scope: Construct, *, platform: Platform, vpc: ec2.IVpc) -> None:
        super().__init__(
            scope, "cluster", platform=platform, description="EKS control plane of the AI platform", keeps_data=True
        )
        self.cluster: eks.ICluster = PlatformCluster(self, "Cluster", platform=platform, vpc=vpc).cluster
        CfnOutput(
            self,
            "KubeconfigCommand",
            description="Adds the cluster to your kubeconfig",
            value=f"aws eks update-kubeconfig --region {platform.region} --name {platform.name}",
        )
