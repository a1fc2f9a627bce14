"""What TensorRT-LLM is started with, as exact tables."""

from __future__ import annotations

import json
from typing import Any

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.descriptors.platform_autoscaling import Autoscaling, AutoscalingKind
from ai_on_eks.descriptors.schema import (
    Architecture,
    CachePrecision,
    Family,
    Precision,
    Serving,
    Storage,
    WeightPrecision,
)
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.autoscaling import autoscaling_warnings, load_signals
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.workload import build_workload

FP8 = Precision(weights=WeightPrecision.FP8, scheme="fp8")
CONFIG_MAP = "llama-70b-tensorrt-llm"


def spec(plan: Plan) -> Json:
    found: Json = build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec
    return found


def engine_container(plan: Plan) -> Json:
    container: Json = spec(plan)["containers"][0]
    return container


def settings(plan: Plan) -> dict[str, Any]:
    workload = build_workload(plan, plans.PLATFORM, plans.IMAGES)
    found: dict[str, Any] = json.loads(workload.config_maps[CONFIG_MAP]["serve.yaml"])
    return found


def refused(plan: Plan) -> list[str]:
    with pytest.raises(InputError) as caught:
        build_workload(plan, plans.PLATFORM, plans.IMAGES)
    return [problem.code for problem in caught.value.problems]


def with_rank(plan: Plan, **changes: Any) -> Plan:
    assert plan.chosen is not None
    rank = replace(plan.chosen.memory.rank, **changes)
    return replace(plan, chosen=replace(plan.chosen, memory=replace(plan.chosen.memory, rank=rank)))


def test_given_four_accelerators_then_the_planned_figures_are_passed() -> None:
    container = engine_container(plans.llama_70b_tensorrt_llm())
    assert container["command"] == ["trtllm-serve", "serve"]
    assert container["args"] == [
        "/models/llama-70b",
        "--backend=pytorch",
        "--host=0.0.0.0",
        "--port=8000",
        "--max_batch_size=1024",
        "--max_num_tokens=8192",
        "--max_seq_len=32768",
        "--tp_size=4",
        "--extra_llm_api_options=/config/serve.yaml",
    ]


def test_given_a_plan_then_what_has_no_flag_stands_in_its_file() -> None:
    assert settings(plans.llama_70b_tensorrt_llm()) == {
        "cuda_graph_config": {"enable_padding": True, "max_batch_size": 128},
        "enable_chunked_prefill": True,
        "kv_cache_config": {"dtype": "auto", "free_gpu_memory_fraction": 0.9},
        "return_perf_metrics": True,
    }


def test_given_a_batch_as_long_as_the_context_then_prompts_are_not_cut() -> None:
    plan = with_rank(plans.llama_70b_tensorrt_llm(), max_batched_tokens=32768)
    assert settings(plan)["enable_chunked_prefill"] is False


@pytest.mark.parametrize(("planned", "most", "captured"), [(16, 256, 128), (200, 256, 200), (16, 64, 64)])
def test_given_a_load_then_graphs_reach_the_sequences_that_run(planned: int, most: int, captured: int) -> None:
    plan = with_rank(plans.llama_70b_tensorrt_llm(), max_sequences=most)
    assert plan.chosen is not None
    changed = replace(plan, chosen=replace(plan.chosen, sequences_per_replica=planned))
    assert settings(changed)["cuda_graph_config"]["max_batch_size"] == captured


def test_given_experts_then_they_are_dealt_out() -> None:
    plan = plans.llama_70b_tensorrt_llm()
    assert plan.chosen is not None
    assert "--ep_size=4" in engine_container(replace(plan, chosen=replace(plan.chosen, expert_parallel=4)))["args"]


def test_given_an_eight_bit_cache_then_it_is_told() -> None:
    precision = FP8.model_copy(update={"kv_cache": CachePrecision.FP8})
    assert settings(plans.llama_70b_tensorrt_llm(precision=precision))["kv_cache_config"]["dtype"] == "fp8"


def test_given_the_hub_then_it_is_refused() -> None:
    assert refused(plans.llama_70b_tensorrt_llm(storage=Storage.NODE)) == ["storage-not-served"]


@pytest.mark.parametrize(
    ("quantization", "expected"),
    [
        ({"quant_method": "fp8", "activation_scheme": "static"}, ["format-not-served"]),
        ({"quant_method": "fp8", "weight_block_size": [128, 128]}, []),
        ({"quant_method": "modelopt"}, []),
    ],
)
def test_given_fp8_then_only_scales_of_blocks_are_read(quantization: dict[str, Any], expected: list[str]) -> None:
    config = {"model_type": "llama", "quantization_config": quantization}
    architecture = Architecture(family=Family.TRANSFORMER, config=config)
    plan = plans.llama_70b_tensorrt_llm(architecture=architecture, precision=FP8)
    assert (refused(plan) if expected else []) == expected
    assert expected or engine_container(plan)


def test_given_weights_then_they_are_copied_under_the_models_name() -> None:
    found = spec(plans.llama_70b_tensorrt_llm())
    arguments = found["initContainers"][0]["args"]
    assert arguments[:2] == ["s3", "sync"]
    assert arguments[2:4] == [f"s3://$(MODEL_BUCKET)/models/llama-70b/{plans.REVISION}", "/models/llama-70b"]
    assert "--exclude=*.bin" in arguments
    mounts = {one["name"]: one["mountPath"] for one in found["containers"][0]["volumeMounts"]}
    assert mounts["models"] == "/models/llama-70b"
    assert mounts["shared-memory"] == "/dev/shm"  # noqa: S108


def test_given_the_metrics_of_this_release_then_nothing_is_scaled_by_them() -> None:
    serving = Serving(maximum_replicas=3)
    platform = plans.PLATFORM.model_copy(update={"autoscaling": Autoscaling(kind=AutoscalingKind.BY_LOAD)})
    for make, is_scaled in ((plans.llama_70b_tensorrt_llm, False), (plans.llama_70b_sglang, True)):
        plan = make(serving=serving)
        assert plan.chosen is not None
        assert any(load_signals(plan.descriptor, "models", plan.chosen)) is is_scaled
        told = autoscaling_warnings(plan.descriptor, platform, plan.chosen)
        assert any("tells nothing of its load" in one for one in told) is not is_scaled
