"""What TensorRT-LLM refuses of checkpoints and prompts, by planning."""

from __future__ import annotations

import pytest
from placement_changes import only, with_constraints, with_serving

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Architecture, Descriptor, Family, Precision, WeightPrecision
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan

TYPES = ("g6e.12xlarge", "p5.48xlarge", "p6-b200.48xlarge")

LATENTS = {
    "model_type": "deepseek_v3", "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408,
    "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16, "n_routed_experts": 64,
    "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1, "kv_lora_rank": 512,
    "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 102400,
    "max_position_embeddings": 163840,
}  # fmt: skip


def planned(descriptor: Descriptor, catalog: Catalog, platform: Platform, types: tuple[str, ...] = TYPES) -> Plan:
    named = with_constraints(descriptor, engines=("tensorrt-llm",))
    return plan_model(named, build_inventory(named), only(catalog, types), platform)


def where(plan: Plan) -> str | None:
    return None if plan.chosen is None else plan.chosen.instance_type.name


def reasons(plan: Plan, rule: str) -> list[tuple[str, str | None]]:
    return [(one.reason, one.fix) for one in plan.rejected if one.rule == rule]


@pytest.mark.parametrize(
    ("weights", "scheme", "served"),
    [
        (WeightPrecision.BF16, None, True),
        (WeightPrecision.FP8, "modelopt", True),
        (WeightPrecision.FP8, "compressed-tensors", True),
        (WeightPrecision.FP8, "fbgemm_fp8", False),
        (WeightPrecision.NVFP4, "modelopt", True),
        (WeightPrecision.NVFP4, "compressed-tensors", False),
        (WeightPrecision.INT4, "awq", False),
        (WeightPrecision.INT4, "gptq", False),
    ],
)
def test_given_a_checkpoint_then_only_methods_are_taken_that_the_engine_reads(
    llama: Descriptor, catalog: Catalog, platform: Platform, weights: WeightPrecision, scheme: str | None, served: bool
) -> None:
    quantized = llama.model_copy(update={"precision": Precision(weights=weights, scheme=scheme)})
    assert (where(planned(quantized, catalog, platform)) is not None) is served


def test_given_a_method_that_is_not_read_then_the_reason_and_the_fix_say_so(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    precision = Precision(weights=WeightPrecision.FP8, scheme="fbgemm_fp8")
    plan = planned(llama.model_copy(update={"precision": precision}), catalog, platform)
    assert (
        "TensorRT-LLM 1.2.1 reads fp8 of compressed-tensors, fp8, modelopt, not fbgemm_fp8",
        "take a checkpoint made by modelopt, or another engine",
    ) in reasons(plan, "scheme-support")


@pytest.mark.parametrize(
    ("weights", "scheme", "chosen"),
    [(WeightPrecision.BF16, None, "g6e.12xlarge"), (WeightPrecision.FP8, "modelopt", "p5.48xlarge"),
     (WeightPrecision.NVFP4, "modelopt", "p6-b200.48xlarge")],
)  # fmt: skip
def test_given_fewer_bits_then_the_accelerator_is_one_that_computes_in_them(
    llama: Descriptor, catalog: Catalog, platform: Platform, weights: WeightPrecision, scheme: str | None, chosen: str
) -> None:
    quantized = llama.model_copy(update={"precision": Precision(weights=weights, scheme=scheme)})
    assert where(planned(quantized, catalog, platform)) == chosen


@pytest.mark.parametrize(("context", "chosen"), [(32_768, "p5.48xlarge"), (32_769, "p6-b200.48xlarge")])
def test_given_cached_latents_then_long_prompts_want_blackwell(
    llama: Descriptor, catalog: Catalog, platform: Platform, context: int, chosen: str
) -> None:
    latents = llama.model_copy(update={"architecture": Architecture(family=Family.TRANSFORMER, config=LATENTS)})
    plan = planned(with_serving(latents, context_tokens=context, concurrency=1), catalog, platform, TYPES[1:])
    assert where(plan) == chosen
    assert bool(reasons(plan, "chunked-prompts")) is (chosen == "p6-b200.48xlarge")


def test_given_keys_and_values_then_long_prompts_are_computed_in_chunks_anywhere(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    plan = planned(with_serving(llama, context_tokens=65_536, concurrency=1), catalog, platform)
    assert reasons(plan, "chunked-prompts") == []
    assert where(plan) == "g6e.12xlarge"
