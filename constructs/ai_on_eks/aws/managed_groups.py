"""Nodes by managed node groups: EKS starts them, and there are as many as planned from the first hour."""

from __future__ import annotations

from collections.abc import Sequence

from constructs import Construct

from ai_on_eks.aws.efa import EfaFabric
from ai_on_eks.aws.node_groups import NodeGroup, NodeGroupSpec, NodeRole
from ai_on_eks.aws.node_needs import NodeNeeds


def managed_groups(scope: Construct, needs: NodeNeeds) -> None:
    """One group for cluster services and one for each capacity request, with one role, and a fabric for each pool whose
    replicas span nodes."""
    _groups(scope, needs, (needs.system, *needs.models))


def system_group(scope: Construct, needs: NodeNeeds) -> None:
    """The group for cluster services alone, where models' nodes come another way."""
    _groups(scope, needs, (needs.system,))


def _groups(scope: Construct, needs: NodeNeeds, specs: Sequence[NodeGroupSpec]) -> None:
    role = NodeRole(scope, "NodeRole").role
    fabrics = {
        pool: EfaFabric(scope, f"{pool}-fabric", pool=pool, cluster=needs.cluster, vpc=needs.vpc)
        for pool in sorted({spec.pool for spec in specs if spec.efa})
    }
    for spec in specs:
        NodeGroup(
            scope,
            spec.name,
            spec=spec,
            cluster=needs.cluster,
            vpc=needs.vpc,
            role=role,
            platform_name=needs.platform.name,
            tags=needs.tags,
            fabric=fabrics.get(spec.pool),
        )
