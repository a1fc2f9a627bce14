"""Pods say where the fleet put them, as far as they have to."""

from __future__ import annotations

from typing import Any

import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.placement.types import Plan, Seat
from ai_on_eks.serving.workload import build_workload


def spec_of(plan: Plan) -> dict[str, Any]:
    return build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec


def expressions(spec: dict[str, Any]) -> list[dict[str, Any]]:
    required = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = required["nodeSelectorTerms"]
    listed: list[dict[str, Any]] = term["matchExpressions"]
    return listed


def test_given_a_plan_by_itself_when_built_then_only_the_instance_type_is_asked_for() -> None:
    spec = spec_of(plans.llama())
    assert [expression["key"] for expression in expressions(spec)] == ["node.kubernetes.io/instance-type"]
    assert "priorityClassName" not in spec
    assert build_workload(plans.llama(), plans.PLATFORM, plans.IMAGES).priority is None


def test_given_two_pools_of_a_type_when_built_then_the_pod_names_its_own() -> None:
    spec = spec_of(replace(plans.llama(), seat=Seat(pool="g6e-xlarge-spot")))
    assert expressions(spec)[1] == {"key": "ai-on-eks/capacity", "operator": "In", "values": ["g6e-xlarge-spot"]}


def test_given_a_pool_of_several_sizes_when_built_then_the_pod_has_the_class_of_its_share() -> None:
    plan = replace(plans.llama(), seat=Seat(priority=4))
    assert spec_of(plan)["priorityClassName"] == "ai-on-eks-share-4"
    assert build_workload(plan, plans.PLATFORM, plans.IMAGES).priority == 4
