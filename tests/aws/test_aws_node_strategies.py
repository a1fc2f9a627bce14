from __future__ import annotations

from typing import Any

from aws_cdk import Stack
from aws_templates import imported_cluster, samples, template_of, vpc
from msgspec.structs import replace

from ai_on_eks.aws.node_groups import capacity_spec, system_spec
from ai_on_eks.aws.node_needs import NodeNeeds
from ai_on_eks.aws.node_strategies import NODE_STRATEGIES, by_strategy, node_objects
from ai_on_eks.aws.platform_releases import controller_releases
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy, Platform
from ai_on_eks.descriptors.platform_checks import check_platform
from ai_on_eks.placement.pool_strategies import unknown_pools
from ai_on_eks.placement.types import CapacityRequest


def provided(platform: Platform, *requests: CapacityRequest) -> dict[str, Any]:
    """The template that the strategies of the pools make."""

    def build(stack: Stack) -> None:
        needs = NodeNeeds(
            platform=platform,
            vpc=vpc(stack),
            cluster=imported_cluster(stack),
            system=system_spec(samples.cpu_type(), 2, samples.ZONES),
            models=tuple(capacity_spec(request, samples.ZONES) for request in requests),
            tags={"team": "ml"},
        )
        for strategy, models in by_strategy(platform, needs.models).items():
            NODE_STRATEGIES[strategy](stack, replace(needs, models=models))

    return template_of(build)


def test_every_strategy_that_may_be_written_is_one_that_makes_nodes() -> None:
    assert set(NODE_STRATEGIES) == set(CapacityStrategy)


def mixed() -> Platform:
    return samples.platform(
        capacity=Capacity(
            strategy=CapacityStrategy.KARPENTER,
            pool_strategies={"p5-48xlarge": CapacityStrategy.MANAGED_NODE_GROUPS},
        )
    )


BOTH = (samples.request(), samples.request(samples.gpu_type("p5.48xlarge")))


def test_a_pool_with_a_strategy_of_its_own_gets_its_nodes_by_that_and_the_others_by_the_platforms() -> None:
    resources = provided(mixed(), *BOTH)["Resources"]
    groups = [item["Properties"] for item in resources.values() if item["Type"] == "AWS::EKS::Nodegroup"]
    assert sorted(group["Labels"]["ai-on-eks/capacity"] for group in groups) == ["p5-48xlarge", "system"]
    assert len({str(group["NodeRole"]) for group in groups}) == 1
    assert [item for item in resources.values() if item["Type"] == "AWS::SQS::Queue"]
    specs = [capacity_spec(request, samples.ZONES) for request in BOTH]
    assert list(node_objects(mixed(), specs)) == ["NodeClass-g6e-xlarge", "NodePool-g6e-xlarge"]
    assert [release.name for release in controller_releases(mixed())] == ["karpenter-crd", "karpenter"]


def test_a_pool_that_the_plan_does_not_have_is_told() -> None:
    assert unknown_pools(mixed().capacity, BOTH) == []
    (problem,) = unknown_pools(mixed().capacity, BOTH[:1])
    assert (problem.code, problem.allowed) == ("unknown-pool", ("g6e-xlarge",))


def test_auto_mode_goes_with_no_other_strategy() -> None:
    capacity = Capacity(
        strategy=CapacityStrategy.AUTO_MODE, pool_strategies={"p5-48xlarge": CapacityStrategy.KARPENTER}
    )
    (problem,) = check_platform(samples.platform(capacity=capacity))
    assert problem.code == "strategies-do-not-mix"
    assert check_platform(mixed()) == []


def test_managed_groups_share_one_role_and_stand_beside_each_other() -> None:
    resources = provided(samples.platform(), samples.request())["Resources"]
    kinds = [item["Type"] for item in resources.values() if not item["Type"].startswith("AWS::EC2::")]
    assert sorted(kinds) == ["AWS::EKS::Nodegroup", "AWS::EKS::Nodegroup", "AWS::IAM::Role"]
    roles = {
        str(item["Properties"]["NodeRole"]) for item in resources.values() if item["Type"] == "AWS::EKS::Nodegroup"
    }
    assert len(roles) == 1
