from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_templates import imported_cluster, samples, template_of, vpc

from ai_on_eks.aws.node_groups import capacity_spec, system_spec
from ai_on_eks.aws.node_needs import NodeNeeds
from ai_on_eks.aws.node_strategies import NODE_STRATEGIES
from ai_on_eks.descriptors.platform import CapacityStrategy, Platform
from ai_on_eks.placement.types import CapacityRequest


def provided(platform: Platform, *requests: CapacityRequest) -> dict[str, Any]:
    """The template that the platform's strategy makes."""

    def build(stack: Stack) -> None:
        needs = NodeNeeds(
            platform=platform,
            vpc=vpc(stack),
            cluster=imported_cluster(stack),
            system=system_spec(samples.cpu_type(), 2, samples.ZONES),
            models=tuple(capacity_spec(request, samples.ZONES) for request in requests),
            tags={"team": "ml"},
        )
        NODE_STRATEGIES[platform.capacity.strategy](stack, needs)

    return template_of(build)


def test_every_strategy_that_may_be_written_is_one_that_makes_nodes() -> None:
    assert set(NODE_STRATEGIES) == set(CapacityStrategy)


def test_managed_groups_share_one_role_and_stand_beside_each_other() -> None:
    resources = provided(samples.platform(), samples.request())["Resources"]
    kinds = [item["Type"] for item in resources.values() if not item["Type"].startswith("AWS::EC2::")]
    assert sorted(kinds) == ["AWS::EKS::Nodegroup", "AWS::EKS::Nodegroup", "AWS::IAM::Role"]
    roles = {
        str(item["Properties"]["NodeRole"]) for item in resources.values() if item["Type"] == "AWS::EKS::Nodegroup"
    }
    assert len(roles) == 1
