"""Nodes by managed node groups: EKS starts them, and there are as many as planned from the first hour."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.aws.efa import EfaFabric
from ai_on_eks.aws.node_groups import NodeGroup, NodeGroupSpec, NodeRole
from ai_on_eks.aws.node_needs import NodeNeeds

ROLE_ID = "NodeRole"


def managed_groups(scope: Construct, needs: NodeNeeds) -> Mapping[str, str]:
    """One group for each capacity request beside that for cluster services, with its role, and a fabric for each pool
    whose replicas span nodes."""
    role = system_group(scope, needs)
    fabrics = {
        pool: EfaFabric(scope, f"{pool}-fabric", pool=pool, cluster=needs.cluster, vpc=needs.vpc)
        for pool in sorted({spec.pool for spec in needs.models if spec.efa})
    }
    for spec in needs.models:
        _group(scope, needs, spec, role, fabrics.get(spec.pool))
    return {}


def system_group(scope: Construct, needs: NodeNeeds) -> iam.IRole:
    """The group for cluster services, made once for all strategies that need it; the role of managed nodes."""
    made = scope.node.try_find_child(ROLE_ID)
    if isinstance(made, NodeRole):
        return made.role
    role = NodeRole(scope, ROLE_ID).role
    _group(scope, needs, needs.system, role, None)
    return role


def _group(scope: Construct, needs: NodeNeeds, spec: NodeGroupSpec, role: iam.IRole, fabric: EfaFabric | None) -> None:
    NodeGroup(
        scope,
        spec.name,
        spec=spec,
        cluster=needs.cluster,
        vpc=needs.vpc,
        role=role,
        platform_name=needs.platform.name,
        tags=needs.tags,
        fabric=fabric,
    )
