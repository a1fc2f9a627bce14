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
    kserve = shaped(plans.llama(), Shape.INFERENCE_SERVICE)
    assert (plain.shape, kserve.shape) == (None, Shape.INFERENCE_SERVICE)
    assert kserve.pod_spec == plain.pod_spec


def test_given_a_replica_over_nodes_then_a_shape_of_single_pods_is_refused() -> None:
    found = problem(plans.llama_on_two_nodes(), Shape.INFERENCE_SERVICE)
    assert (found.code, found.path, found.value) == ("shape-not-served", "serving.shape", "inference-service")
    assert "spans 2 nodes" in found.message
