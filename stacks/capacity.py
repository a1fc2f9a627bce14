"""The capacity stack."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.aws.node_groups import NodeGroup, NodeGroupSpec, NodeRole, capacity_spec, system_spec
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.types import CapacityRequest
from stacks.base import PlatformStack, platform_tags


class CapacityStack(PlatformStack):
    """The nodes: one group for cluster services and one per capacity request."""

    def __init__(
        self,
        scope: Construct,
        *,
        platform: Platform,
        vpc: ec2.IVpc,
        cluster: eks.ICluster,
        system_instance_type: InstanceType,
        requests: Sequence[CapacityRequest],
    ) -> None:
        super().__init__(
            scope, "capacity", platform=platform, description="Node groups of the AI platform", keeps_data=False
        )
        zones = platform.network.availability_zones
        specs = (
            system_spec(system_instance_type, platform.capacity.system_nodes.count, zones),
            *(capacity_spec(request, zones) for request in requests),
        )
        role = NodeRole(self, "NodeRole").role
        self.groups = tuple(self._group(spec, cluster, vpc, role, platform) for spec in specs)

    def _group(
        self, spec: NodeGroupSpec, cluster: eks.ICluster, vpc: ec2.IVpc, role: iam.IRole, platform: Platform
    ) -> NodeGroup:
        return NodeGroup(
            self,
            spec.name,
            spec=spec,
            cluster=cluster,
            vpc=vpc,
            role=role,
            platform_name=platform.name,
            tags=platform_tags(platform),
        )
