"""What a cluster is told of its own nodes: nothing, or Auto Mode with all that belongs to it."""

from __future__ import annotations

from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct
from msgspec import Struct

from ai_on_eks.aws.auto_mode.nodes import auto_mode_node_role
from ai_on_eks.aws.auto_mode.tagging import tagging_statements
from ai_on_eks.descriptors.platform import CapacityStrategy

BUILT_IN_POOLS = ("general-purpose", "system")
"""Auto Mode's own, for cluster services: whatever a chart brings has nodes from the first hour. Models never run there:
they ask for an instance type with its taint and label."""


class ClusterCompute(Struct, frozen=True):
    """Arguments of the cluster. Compute, block storage and load balancing of Auto Mode are on or off together: EKS
    rejects anything else, and CDK sets all three by the capacity type."""

    capacity_type: eks.DefaultCapacityType
    capacity: int | None
    config: eks.ComputeConfig | None


def cluster_compute(scope: Construct, strategy: CapacityStrategy) -> ClusterCompute:
    """The arguments that go with a strategy."""
    if strategy is not CapacityStrategy.AUTO_MODE:
        return ClusterCompute(eks.DefaultCapacityType.NODEGROUP, 0, None)
    role = auto_mode_node_role(scope, "AutoModeNodeRole")
    config = eks.ComputeConfig(node_pools=list(BUILT_IN_POOLS), node_role=role)
    return ClusterCompute(eks.DefaultCapacityType.AUTOMODE, None, config)


def allow_tags(scope: Construct, cluster: eks.Cluster, strategy: CapacityStrategy) -> None:
    """Let the control plane tag what it starts; where nodes come another way it starts nothing."""
    if strategy is CapacityStrategy.AUTO_MODE:
        iam.ManagedPolicy(scope, "AutoModeTags", statements=tagging_statements(), roles=[cluster.role])
