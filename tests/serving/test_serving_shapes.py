"""Shapes of a workload: kept with the plan, and refused where they cannot hold it."""

from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.schema import Serving, Shape
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload


def shaped(plan: Plan, shape: Shape) -> Workload:
    descriptor = plan.descriptor.model_copy(update={"serving": Serving(shape=shape)})
    return build_workload(replace(plan, descriptor=descriptor), plans.PLATFORM, plans.IMAGES)


def problem(plan: Plan, shape: Shape) -> Problem:
    with pytest.raises(InputError) as caught:
        shaped(plan, shape)
    (found,) = caught.value.problems
    return found


def test_given_a_shape_then_the_pods_are_those_of_the_plan() -> None:
    plain = build_workload(plans.llama(), plans.PLATFORM, plans.IMAGES)
    for shape in Shape:
        kserve = shaped(plans.llama(), shape)
        assert (plain.shape, kserve.shape) == (None, shape)
        assert kserve.pod_spec == plain.pod_spec


def test_given_a_replica_over_nodes_then_groups_of_kserve_hold_it() -> None:
    grouped = shaped(plans.llama_on_two_nodes(), Shape.LLM_INFERENCE_SERVICE)
    plain = build_workload(plans.llama_on_two_nodes(), plans.PLATFORM, plans.IMAGES)
    assert grouped.group == plain.group
    assert grouped.model_uri == plans.llama_on_two_nodes().descriptor.source.uri
    assert plain.model_uri is None


def test_given_another_engine_then_the_shape_of_vllm_is_refused() -> None:
    found = problem(plans.bge(), Shape.LLM_INFERENCE_SERVICE)
    assert (found.code, found.path) == ("shape-not-served", "serving.shape")
    assert "for vLLM alone" in found.message
    assert found.allowed == ("inference-service",)


def test_given_a_name_that_leaves_no_room_for_a_pod_s_number_then_it_is_refused() -> None:
    long = "a" * 48
    plan = plans.llama()
    named = replace(plan, descriptor=plan.descriptor.model_copy(update={"name": long}))
    found = problem(named, Shape.LLM_INFERENCE_SERVICE)
    assert (found.code, found.path, found.fix) == ("shape-not-served", "name", f"name: {long[:47]}")


def test_given_a_replica_over_nodes_then_a_shape_of_single_pods_is_refused() -> None:
    found = problem(plans.llama_on_two_nodes(), Shape.INFERENCE_SERVICE)
    assert (found.code, found.path, found.value) == ("shape-not-served", "serving.shape", "inference-service")
    assert "spans 2 nodes" in found.message
    assert str(found.fix).startswith("set serving.shape to llm-inference-service")
