"""What SGLang is started with, as exact tables."""

from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.schema import CachePrecision, Precision, Storage, WeightPrecision
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.workload import build_workload


def engine_container(plan: Plan) -> Json:
    container: Json = build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec["containers"][0]
    return container


def refused(plan: Plan) -> list[str]:
    with pytest.raises(InputError) as caught:
        build_workload(plan, plans.PLATFORM, plans.IMAGES)
    return [problem.code for problem in caught.value.problems]


def test_given_four_accelerators_then_the_planned_figures_are_passed() -> None:
    container = engine_container(plans.llama_70b_sglang())
    assert container["command"] == ["python3", "-m", "sglang.launch_server"]
    assert container["args"] == [
        "--model-path=/models",
        "--served-model-name=llama-70b",
        "--host=0.0.0.0",
        "--port=30000",
        "--dtype=bfloat16",
        "--kv-cache-dtype=auto",
        "--context-length=32768",
        "--max-running-requests=1024",
        "--chunked-prefill-size=8192",
        "--mem-fraction-static=0.9",
        "--tp-size=4",
        "--enable-metrics",
    ]


def test_given_stages_and_experts_then_they_are_named() -> None:
    plan = plans.llama_70b_sglang()
    assert plan.chosen is not None
    divided = replace(plan.chosen, tensor_parallel=2, pipeline_parallel=2, expert_parallel=2)
    assert {"--tp-size=2", "--pp-size=2", "--ep-size=2"} <= set(engine_container(replace(plan, chosen=divided))["args"])


def test_given_fp8_then_weights_follow_the_checkpoint_and_the_cache_is_8_bit() -> None:
    precision = Precision(weights=WeightPrecision.FP8, kv_cache=CachePrecision.FP8)
    arguments = engine_container(plans.llama_70b_sglang(precision=precision))["args"]
    assert {"--dtype=auto", "--kv-cache-dtype=fp8_e4m3"} <= set(arguments)


def test_given_the_hub_then_it_is_refused() -> None:
    assert refused(plans.llama_70b_sglang(storage=Storage.NODE)) == ["storage-not-served"]


def test_given_two_nodes_then_it_is_refused() -> None:
    plan = plans.llama_70b_sglang()
    assert plan.chosen is not None
    assert refused(replace(plan, chosen=replace(plan.chosen, nodes_per_replica=2))) == ["placement-not-rendered"]


def test_given_weights_then_they_are_copied_without_other_formats() -> None:
    spec = build_workload(plans.llama_70b_sglang(), plans.PLATFORM, plans.IMAGES).pod_spec
    arguments = spec["initContainers"][0]["args"]
    assert arguments[:4] == ["s3", "sync", f"s3://$(MODEL_BUCKET)/models/llama-70b/{plans.REVISION}", "/models"]
    assert "--exclude=*.bin" in arguments
