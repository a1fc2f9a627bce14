"""What an engine keeps of the weights that it loads, beside or instead of the checkpoint's own bytes."""

from __future__ import annotations

from functools import cache

import pytest
from msgspec.structs import replace

from ai_on_eks.catalog.engines import find_engine
from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.quantization.methods import read_quantization
from ai_on_eks.descriptors.quantization.scheme import quantize
from ai_on_eks.descriptors.schema import Precision, Storage, WeightPrecision
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, Target
from ai_on_eks.sizing.weight_layout import AS_STORED, WeightLayout, weight_layout
from ai_on_eks.sizing.weights import checkpoint_bytes, weights_bytes, weights_term
from ai_on_eks.units import GIB

MXFP4 = Precision(weights=WeightPrecision.MXFP4)
FP8 = Precision(weights=WeightPrecision.FP8)
HOPPER = (9, 0)


@cache
def gpt_oss() -> Inventory:
    """config.json of openai/gpt-oss-20b."""
    return _quantized(
        {
            "model_type": "gpt_oss",
            "hidden_size": 2880,
            "intermediate_size": 2880,
            "num_hidden_layers": 24,
            "num_attention_heads": 64,
            "num_key_value_heads": 8,
            "head_dim": 64,
            "num_local_experts": 32,
            "num_experts_per_tok": 4,
            "vocab_size": 201088,
            "max_position_embeddings": 131072,
            "sliding_window": 128,
            "layer_types": ["sliding_attention", "full_attention"] * 12,
            "attention_bias": True,
            "tie_word_embeddings": False,
            "quantization_config": {
                "quant_method": "mxfp4",
                "modules_to_not_convert": [
                    "model.layers.*.self_attn",
                    "model.layers.*.mlp.router",
                    "model.embed_tokens",
                    "lm_head",
                ],
            },
        }
    )


@cache
def deepseek_v3() -> Inventory:
    """config.json of deepseek-ai/DeepSeek-V3."""
    return _quantized(
        {
            "model_type": "deepseek_v3",
            "hidden_size": 7168,
            "intermediate_size": 18432,
            "moe_intermediate_size": 2048,
            "num_hidden_layers": 61,
            "num_nextn_predict_layers": 1,
            "first_k_dense_replace": 3,
            "moe_layer_freq": 1,
            "n_routed_experts": 256,
            "n_shared_experts": 1,
            "num_experts_per_tok": 8,
            "num_attention_heads": 128,
            "num_key_value_heads": 128,
            "q_lora_rank": 1536,
            "kv_lora_rank": 512,
            "qk_nope_head_dim": 128,
            "qk_rope_head_dim": 64,
            "v_head_dim": 128,
            "vocab_size": 129280,
            "max_position_embeddings": 163840,
            "tie_word_embeddings": False,
            "quantization_config": {
                "quant_method": "fp8",
                "fmt": "e4m3",
                "activation_scheme": "dynamic",
                "weight_block_size": [128, 128],
            },
        }
    )


@pytest.mark.parametrize(
    ("version", "capability", "gib"),
    [
        ("0.11", HOPPER, 13.41),  # 13.47 logged, buffers beside the weights in it (llm-d-planner, H100)
        ("0.33", HOPPER, 12.85),
        ("0.33", (8, 9), 13.67),
        ("0.33", (10, 0), 13.68),
        ("0.25", (10, 0), 14.13),
    ],
)
def test_given_mxfp4_experts_when_sized_then_it_is_what_the_kernel_of_the_device_keeps(
    version: str, capability: tuple[int, int], gib: float
) -> None:
    layout = weight_layout(find_engine(f"vllm@{version}").memory, capability)
    assert weights_bytes(gpt_oss(), MXFP4, 1, 1, layout) / GIB == pytest.approx(gib, abs=0.01)
    assert weights_bytes(gpt_oss(), MXFP4, 1, 1, layout) > weights_bytes(gpt_oss(), MXFP4)


def test_given_the_kernel_for_hopper_when_scales_stay_then_they_are_counted_twice() -> None:
    """Rows of 2 × 2880 and 2880 padded to multiples of 256, 90 scales each, for 32 experts of 24 layers."""
    kept, freed = (weight_layout(find_engine(f"vllm@{version}").memory, HOPPER) for version in ("0.20", "0.33"))
    loaded = 24 * 32 * (5760 + 2880) * 90
    assert weights_bytes(gpt_oss(), MXFP4, 1, 1, kept) - weights_bytes(gpt_oss(), MXFP4, 1, 1, freed) == loaded
    padding = 24 * 32 * (5888 + 3072 - 5760 - 2880) * 90
    biases = 24 * 32 * (5760 + 2880) * 2
    assert weights_bytes(gpt_oss(), MXFP4, 1, 1, freed) - weights_bytes(gpt_oss(), MXFP4) == padding + biases


def test_given_an_unknown_device_when_sized_then_the_kernel_of_the_oldest_is_assumed() -> None:
    engine = find_engine("vllm").memory
    assert weight_layout(engine, None) == weight_layout(engine, (8, 0))


@pytest.mark.parametrize("ranks", [1, 2, 4, 8])
def test_given_more_ranks_when_experts_are_padded_then_no_rank_holds_more(ranks: int) -> None:
    layout = weight_layout(find_engine("vllm").memory, HOPPER)
    assert weights_bytes(gpt_oss(), MXFP4, 2 * ranks, 1, layout) <= weights_bytes(gpt_oss(), MXFP4, ranks, 1, layout)


def test_given_an_engine_without_such_kernels_when_sized_then_weights_are_as_stored() -> None:
    assert weight_layout(find_engine("tei").memory, HOPPER) == AS_STORED


def test_given_bf16_experts_when_sized_then_no_kernel_pads_them() -> None:
    bf16 = Precision(weights=WeightPrecision.BF16)
    plain = replace(gpt_oss(), tensors=tuple(replace(tensor, stored=None) for tensor in gpt_oss().tensors))
    layout = weight_layout(find_engine("vllm").memory, HOPPER)
    assert weights_bytes(plain, bf16, 1, 1, layout) == weights_bytes(plain, bf16)


@pytest.mark.parametrize("ranks", [1, 8])
def test_given_a_quantized_latent_when_sized_then_its_up_projection_is_kept_in_16_bit_too(ranks: int) -> None:
    """61 layers of 512 × 128 heads × (128 + 128), 2.05 GB in BF16, divided by heads."""
    layout = WeightLayout(keeps_absorbed_latents=True)
    added = weights_bytes(deepseek_v3(), FP8, ranks, 1, layout) - weights_bytes(deepseek_v3(), FP8, ranks)
    assert added == 61 * 512 * 128 * 256 * 2 // ranks


def test_given_a_latent_in_16_bit_when_sized_then_it_is_kept_once() -> None:
    tensor = Tensor("model.layers.*.self_attn.kv_b_proj.weight", (32768, 512), TensorRole.ATTENTION, Sharding.SPLIT)
    inventory = replace(deepseek_v3(), tensors=(tensor,))
    bf16 = Precision(weights=WeightPrecision.BF16)
    assert weights_bytes(inventory, bf16, 1, 1, WeightLayout(keeps_absorbed_latents=True)) == 32768 * 512 * 2


def test_given_kernels_that_add_when_explained_then_the_line_says_how_much() -> None:
    term = weights_term(gpt_oss(), MXFP4, 1, 1, weight_layout(find_engine("vllm@0.11").memory, HOPPER))
    assert "0.59 GiB that the engine's kernels add" in term.formula


def test_given_layers_that_predict_further_tokens_when_downloaded_then_they_are_on_disk_only() -> None:
    """641.3 GiB of weight files (model_catalog.yaml of kaito-project/kaito, 056b8280b), 626.9 GiB of them served."""
    served, unserved = checkpoint_bytes(deepseek_v3(), FP8)
    assert (served + unserved) / GIB == pytest.approx(641.3, abs=0.05)
    assert served == weights_bytes(deepseek_v3(), FP8)
    target = Target(80 * GIB, 8, 2, find_engine("vllm").memory, compute_capability=HOPPER)
    demand = size_model(deepseek_v3(), FP8, Load(4096, 1), target, storage=Storage.NODE)
    disk = next(term for term in demand.host.terms if term.name == "disk: weights")
    assert disk.value_bytes == served + unserved
    assert "14.36 GiB of layers that are not served" in disk.formula


def _quantized(config: dict[str, object]) -> Inventory:
    inventory, _relevant = relevant_hyperparameters(config)
    quantization = read_quantization(config)
    assert quantization is not None
    return quantize(inventory, quantization)
