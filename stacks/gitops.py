"""The GitOps stack."""

from __future__ import annotations

from aws_cdk import CfnOutput
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from ai_on_eks.aws.argo_cd_capability import DEPLOYING_POLICY, ArgoCdCapability
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_gitops import ManagedArgoCd
from stacks.base import PlatformStack


class GitOpsStack(PlatformStack):
    """What applies the rendered objects, where that is a capability of EKS."""

    def __init__(self, scope: Construct, *, platform: Platform, cluster: eks.ICluster, settings: ManagedArgoCd) -> None:
        super().__init__(scope, "gitops", platform=platform, description="Argo CD of the AI platform", keeps_data=False)
        made = ArgoCdCapability(
            self, "ArgoCd", cluster_name=cluster.cluster_name, settings=settings, region=platform.region
        )
        policy = DEPLOYING_POLICY.format(partition=self.partition)
        CfnOutput(
            self,
            "AllowArgoCdCommand",
            description="Run once: lets Argo CD deploy to the cluster, operators included",
            value=f"aws eks associate-access-policy --region {platform.region} --cluster-name {platform.name} "
            f"--principal-arn {made.role.role_arn} --policy-arn {policy} --access-scope type=cluster",
        )
        CfnOutput(
            self,
            "ArgoCdUrl",
            description="Where people sign in to Argo CD",
            value=made.resource.get_att("Configuration.ArgoCd.ServerUrl").to_string(),
        )
