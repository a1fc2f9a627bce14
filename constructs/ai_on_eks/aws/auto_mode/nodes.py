"""Nodes by EKS Auto Mode: the control plane starts them when a pod needs one, up to what the plan bought."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.aws.auto_mode.checks import check_auto_mode
from ai_on_eks.aws.auto_mode.names import node_role_name
from ai_on_eks.aws.node_needs import NodeNeeds

NODE_POLICIES = (
    "AmazonEKSWorkerNodeMinimalPolicy",  # joins the cluster and fetches credentials for pods
    "AmazonEC2ContainerRegistryPullOnly",
)
"""What the EKS user guide gives nodes of Auto Mode (auto-learn-iam, 2026-11). Nobody can log in to one."""


def auto_mode_nodes(scope: Construct, needs: NodeNeeds) -> Mapping[str, str]:
    """The role of models' nodes and its admission to the cluster.

    The nodes are described by objects in the cluster, see `aws.auto_mode.objects`; cluster services run on nodes of
    Auto Mode's own pools, whose role EKS admits itself.
    """
    check_auto_mode(needs.models)
    role = auto_mode_node_role(scope, "NodeRole", role_name=node_role_name(needs.platform))
    eks.CfnAccessEntry(
        scope,
        "NodeAccess",
        cluster_name=needs.cluster.cluster_name,
        principal_arn=role.role_arn,
        type="EC2",
        access_policies=[
            eks.CfnAccessEntry.AccessPolicyProperty(
                policy_arn=f"arn:{Stack.of(scope).partition}:eks::aws:cluster-access-policy/AmazonEKSAutoNodePolicy",
                access_scope=eks.CfnAccessEntry.AccessScopeProperty(type="cluster"),
            )
        ],
    )
    return {}


def auto_mode_node_role(scope: Construct, id: str, *, role_name: str | None = None) -> iam.Role:  # noqa: A002 - CDK's name
    """A role for instances that Auto Mode starts."""
    return iam.Role(
        scope,
        id,
        role_name=role_name,
        assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
        managed_policies=[iam.ManagedPolicy.from_aws_managed_policy_name(name) for name in NODE_POLICIES],
    )
