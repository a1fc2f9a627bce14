"""The capacity stack."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from aws_cdk import CfnOutput
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from constructs import Construct
from msgspec.structs import replace

from ai_on_eks.aws.model_nodes import model_specs
from ai_on_eks.aws.node_groups import system_spec
from ai_on_eks.aws.node_needs import NodeNeeds
from ai_on_eks.aws.node_strategies import NODE_STRATEGIES, by_strategy
from ai_on_eks.aws.platform_tags import platform_tags
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.serving.storage import PLACEMENT_GROUPS_OUTPUT, pairs_text
from stacks.base import PlatformStack


class CapacityStack(PlatformStack):
    """What cluster services and models run on, by the strategy of each pool."""

    def __init__(
        self,
        scope: Construct,
        *,
        platform: Platform,
        vpc: ec2.IVpc,
        cluster: eks.ICluster,
        system_instance_type: InstanceType,
        requests: Sequence[CapacityRequest],
        lustre_readers: Collection[str] = (),
    ) -> None:
        super().__init__(
            scope, "capacity", platform=platform, description="Node groups of the AI platform", keeps_data=False
        )
        zones, system = platform.network.availability_zones, platform.capacity.operating_system
        needs = NodeNeeds(
            platform=platform,
            vpc=vpc,
            cluster=cluster,
            system=system_spec(system_instance_type, platform.capacity.system_nodes.count, zones, system),
            models=model_specs(platform, requests, lustre_readers),
            tags=platform_tags(platform),
        )
        self.placement_groups: dict[str, str] = {}
        for strategy, models in by_strategy(platform, needs.models).items():
            self.placement_groups |= NODE_STRATEGIES[strategy](self, replace(needs, models=models))
        if self.placement_groups:
            value = pairs_text(self.placement_groups)
            CfnOutput(self, PLACEMENT_GROUPS_OUTPUT, description="Placement group of each pool", value=value)
