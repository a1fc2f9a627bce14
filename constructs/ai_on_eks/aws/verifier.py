"""Who may look into the cluster after a release, from the pipeline's account, and change nothing.

A role of a known name in the cluster's account: builds of the pipeline take it on, and only they. Its access entry lets
it read what `ai-on-eks verify` compares, custom resources included, which EKS' narrower view policy leaves out; secrets
could be read by it and are not asked for.
"""

from __future__ import annotations

from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

READ_POLICY = "AmazonEKSAdminViewPolicy"
"""Reads every resource of the cluster (EKS user guide, access policy permissions, 2026-11)."""


def verifier_role_name(platform: str) -> str:
    """Known on both sides before either is deployed."""
    return f"{platform}-verifier"


class ClusterVerifier(Construct):
    """The role and its entry to the cluster."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        cluster: eks.ICluster,
        platform_name: str,
        trusted_account: str,
        trusted_role_arn: str,
    ) -> None:
        """`trusted_role_arn` is the builds' role. It may be made later: the trust is to its account, on condition."""
        super().__init__(scope, id)
        self.role = iam.Role(
            self,
            "Role",
            role_name=verifier_role_name(platform_name),
            description=f"Compares the cluster {platform_name} with what was rendered",
            assumed_by=iam.PrincipalWithConditions(
                iam.AccountPrincipal(trusted_account), {"ArnEquals": {"aws:PrincipalArn": trusted_role_arn}}
            ),
        )
        self.role.add_to_policy(iam.PolicyStatement(actions=["eks:DescribeCluster"], resources=[cluster.cluster_arn]))
        eks.AccessEntry(
            self,
            "Access",
            cluster=cluster,
            principal=self.role.role_arn,
            access_policies=[
                eks.AccessPolicy.from_access_policy_name(READ_POLICY, access_scope_type=eks.AccessScopeType.CLUSTER)
            ],
        )
