"""Latents as the versions of an engine cache them: DeepSeek-V2-Lite, 27 layers with a latent of 512 + 64, 16 heads."""

from __future__ import annotations

import pytest
from sizing_inventories import LLAMA_3_1_8B

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import CachePrecision, Precision, WeightPrecision
from ai_on_eks.sizing.latents import as_cached
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, Target
from ai_on_eks.units import GIB

BF16 = Precision(weights=WeightPrecision.BF16)
LATENT_BYTES = 27 * (512 + 64) * 2


@pytest.fixture(scope="module")
def deepseek() -> Inventory:
    config = {
        "model_type": "deepseek_v2", "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408,
        "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16, "n_routed_experts": 64,
        "n_shared_experts": 2, "num_experts_per_tok": 6, "first_k_dense_replace": 1, "kv_lora_rank": 512,
        "q_lora_rank": None, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 102400,
        "max_position_embeddings": 163840,
    }  # fmt: skip
    return relevant_hyperparameters(config)[0]


@pytest.mark.parametrize(
    ("engine", "ranks", "expected"),
    [
        ("vllm", 1, LATENT_BYTES),
        ("vllm", 8, LATENT_BYTES),
        ("vllm@0.11", 2, LATENT_BYTES),
        ("vllm@0.8.0", 1, LATENT_BYTES),
        ("vllm@0.7.3", 1, 27 * 640 * 2),
        ("vllm@0.7.3", 4, 27 * 640 * 2),
        ("vllm@0.6.6", 1, 27 * 16 * (256 + 256) * 2),
        ("vllm@0.6.6", 4, 27 * 4 * (256 + 256) * 2),
        ("sglang", 1, LATENT_BYTES),
    ],
)
def test_given_latents_when_a_version_caches_them_then_a_token_takes_what_its_code_allocates(
    deepseek: Inventory, engine: str, ranks: int, expected: int
) -> None:
    target = Target(80 * GIB, ranks, 1, find_engine(engine).memory)
    assert size_model(deepseek, BF16, Load(4096, 1), target).rank.kv_bytes_per_token == expected


def test_given_an_eight_bit_cache_when_padded_then_by_the_elements_of_the_model(deepseek: Inventory) -> None:
    precision = BF16.model_copy(update={"kv_cache": CachePrecision.FP8})
    target = Target(80 * GIB, 1, 1, find_engine("vllm@0.7.3").memory)
    assert size_model(deepseek, precision, Load(4096, 1), target).rank.kv_bytes_per_token == 27 * 640


def test_given_no_latents_when_cached_then_nothing_changes() -> None:
    for engine in ("vllm@0.6.6", "vllm@0.7.3", "vllm"):
        assert as_cached(LLAMA_3_1_8B, BF16, find_engine(engine).memory) == LLAMA_3_1_8B
