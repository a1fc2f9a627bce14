"""Nodes by Karpenter: started when a pod needs one, up to what the plan bought."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from ai_on_eks.aws.karpenter.controller import KarpenterController
from ai_on_eks.aws.managed_groups import system_group
from ai_on_eks.aws.node_needs import NodeNeeds
from ai_on_eks.aws.node_placement import placement_groups


def karpenter_nodes(scope: Construct, needs: NodeNeeds) -> Mapping[str, str]:
    """A managed group for cluster services, on which Karpenter runs, and what Karpenter needs in AWS.

    The nodes of the requests are described by objects in the cluster, see `aws.karpenter.objects`.
    """
    system_group(scope, needs)
    KarpenterController(scope, "Karpenter", platform=needs.platform, cluster=needs.cluster)
    return placement_groups(scope, needs.models)
