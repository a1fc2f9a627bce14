"""Cluster placement groups of nodes that a controller in the cluster starts.

A class names its group, and CloudFormation chooses the name: it is known once the capacity stack has been deployed.
Until then nodes whose replicas span them are not described, because far apart they would be slow without a word. A
managed group has its placement group in its launch template, see `aws.efa`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aws_cdk import aws_ec2 as ec2
from constructs import Construct
from msgspec.structs import replace

from ai_on_eks.aws.node_groups import NodeGroupSpec


def placement_groups(scope: Construct, specs: Sequence[NodeGroupSpec]) -> dict[str, str]:
    """A group for each pool that has nodes which need one; its name, a token, by pool."""
    pools = sorted({spec.pool for spec in specs if _needs_group(spec)})
    return {pool: ec2.CfnPlacementGroup(scope, f"{pool}-placement", strategy="cluster").ref for pool in pools}


def placed_spec(spec: NodeGroupSpec, groups: Mapping[str, str]) -> NodeGroupSpec:
    """`spec` with the group of its pool, if it needs one; as it is where that is not known."""
    return replace(spec, placement_group=groups.get(spec.pool)) if _needs_group(spec) else spec


def waits_for_group(spec: NodeGroupSpec) -> bool:
    """Whether the nodes need a group whose name is not known yet."""
    return _needs_group(spec) and spec.placement_group is None


def _needs_group(spec: NodeGroupSpec) -> bool:
    """Reserved nodes stand where they were reserved."""
    return spec.efa and spec.reservation_id is None
