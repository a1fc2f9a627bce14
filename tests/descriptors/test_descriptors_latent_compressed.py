"""DeepSeek-V4: exact totals, compressed entries, windows and indexes, and experts in a format of their own."""

from __future__ import annotations

from math import prod
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding
from ai_on_eks.errors import InputError

FLASH: dict[str, Any] = {
    "model_type": "deepseek_v4", "architectures": ["DeepseekV4ForCausalLM"], "hidden_size": 4096,
    "moe_intermediate_size": 2048, "num_hidden_layers": 43, "num_attention_heads": 64, "head_dim": 512,
    "q_lora_rank": 1024, "o_groups": 8, "o_lora_rank": 1024, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_experts_per_tok": 6, "hc_mult": 4, "index_n_heads": 64, "index_head_dim": 128, "index_topk": 512,
    "sliding_window": 128, "vocab_size": 129280, "max_position_embeddings": 1048576, "num_nextn_predict_layers": 1,
    "expert_dtype": "fp4", "compress_ratios": [0, 0, *[4, 128] * 20, 4, 0],
}  # fmt: skip
PRO = FLASH | {
    "hidden_size": 7168, "moe_intermediate_size": 3072, "num_hidden_layers": 61, "num_attention_heads": 128,
    "q_lora_rank": 1536, "o_groups": 16, "n_routed_experts": 384, "index_topk": 1024,
    "compress_ratios": [128, 128, *[4, 128] * 29, 4, 0],
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def states(inventory: Inventory) -> dict[str, KeyValueState]:
    return {state.name: state for state in inventory.states if isinstance(state, KeyValueState)}


@pytest.mark.parametrize(("config", "parameters"), [(FLASH, 284_332_230_231), (PRO, 1_572_997_179_491)])
def test_given_a_published_config_when_read_then_its_parameters_are_those_transformers_counts(
    config: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device
    assert read(config).parameters == parameters


def test_given_a_config_made_for_the_reference_code_then_its_class_says_what_it_is() -> None:
    assert read(PRO, model_type="deepseek_ref").parameters == 1_572_997_179_491
    with pytest.raises(InputError) as caught:
        read({key: value for key, value in PRO.items() if key != "architectures"}, model_type="deepseek_ref")
    assert [problem.code for problem in caught.value.problems] == ["unknown-architecture"]


def test_given_kinds_of_layers_instead_of_ratios_then_the_answer_is_the_same() -> None:
    kinds = {0: "sliding_attention", 4: "compressed_sparse_attention", 128: "heavily_compressed_attention"}
    listed = [kinds[ratio] for ratio in FLASH["compress_ratios"][:43]]
    rates = {kinds[4]: 4, kinds[128]: 128}
    assert read(FLASH, compress_ratios=None, layer_types=listed, compress_rates=rates) == read(FLASH)


def test_given_a_sequence_then_every_kind_of_layer_keeps_what_vllm_keeps() -> None:
    kept = states(read(FLASH))
    # elements per entry, tokens per entry, tokens kept at most, bits (vLLM 0.33.0, models/deepseek_v4)
    assert {
        name: (state.layers, state.key_dimension, state.tokens_per_entry, state.window_tokens, state.bits)
        for name, state in kept.items()
    } == {
        "window": (43, 512, 1, 128, None),
        "entries of 4 tokens": (21, 512, 4, None, None),
        "unfinished entries of 4 tokens": (21, 2048, 1, 8, 32),
        "indexer keys": (21, 132, 4, None, 8),
        "unfinished indexer keys": (21, 512, 1, 8, 32),
        "entries of 128 tokens": (20, 512, 128, None, None),
        "unfinished entries of 128 tokens": (20, 1024, 1, 128, 32),
    }
    assert all(state.is_replicated for state in kept.values())


def test_given_a_checkpoint_with_experts_in_four_bits_then_its_size_is_the_published_one() -> None:
    inventory = read(PRO)
    size = 0
    for tensor in (*inventory.tensors, *inventory.unserved_tensors):
        elements = prod(tensor.shape)
        if tensor.stored is not None:
            size += tensor.count * tensor.stored.bytes_for(elements)
        else:
            size += tensor.count * elements * (1 if tensor.quantizable else 2)
    # 805.34 GiB of files (deepseek-ai/DeepSeek-V4-Pro, 2026-11-23); scales of the 8-bit blocks are left out here
    assert size / 2**30 == pytest.approx(805.34, rel=5e-4)


def test_given_experts_in_the_format_of_everything_else_then_nothing_is_said_of_them() -> None:
    experts = [tensor for tensor in read(FLASH, expert_dtype="fp8").tensors if ".experts." in tensor.name]
    assert experts
    assert {tensor.stored for tensor in experts} == {None}


def test_given_tensor_parallelism_then_only_heads_and_experts_are_divided() -> None:
    inventory = read(FLASH)
    divided = {tensor.name for tensor in inventory.tensors if tensor.sharding is Sharding.SPLIT}
    assert {name for name in divided if ".attn." in name} == {
        "layers.*.attn.wq_b.weight",
        "layers.*.attn.wo_a.weight",
        "layers.*.attn.wo_b.weight",
        "layers.*.attn.attn_sink",
    }
    assert "layers.*.ffn.gate.weight" not in divided
    assert "layers.*.ffn.experts.*.w1.weight" in divided


def test_given_a_long_context_then_only_the_index_and_the_heavily_compressed_layers_cost_more() -> None:
    operations = read(FLASH).operations
    growth = operations.attending(200_000) - operations.attending(100_000)
    assert growth == 100_000 * (20 * 4 * 64 * 512 // 128 + 21 * 2 * 64 * 128 // 4)
    # 512 chosen entries stand for 2,048 tokens
    assert operations.windowed == ((43 * 4 * 64 * 512, 128), (21 * 4 * 64 * 512 // 4, 2048))


def test_given_what_was_read_when_read_again_then_nothing_is_lost() -> None:
    inventory, relevant = relevant_hyperparameters(FLASH)
    assert relevant_hyperparameters(relevant)[0] == inventory


@pytest.mark.parametrize(
    ("changes", "code", "key"),
    [
        ({"compress_ratios": None}, "missing-hyperparameter", "compress_ratios"),
        ({"compress_ratios": [4] * 42}, "contradiction", "compress_ratios"),
        ({"compress_ratios": [8] * 43}, "unknown-architecture", "compress_ratios"),
        ({"compress_rates": {"compressed_sparse_attention": 8}}, "unknown-architecture", "compress_rates"),
        ({"o_groups": 7}, "contradiction", "o_groups"),
        ({"attention_bias": True}, "unknown-architecture", "attention_bias"),
        ({"expert_dtype": "int3"}, "not-allowed", "expert_dtype"),
        ({"num_hidden_layers": 10**8}, "out-of-range", "num_hidden_layers"),
    ],
)
def test_given_a_variant_that_is_not_known_then_it_is_refused(changes: dict[str, Any], code: str, key: str) -> None:
    with pytest.raises(InputError) as caught:
        read(FLASH, **changes)
    found = {(problem.code, problem.path) for problem in caught.value.problems}
    assert (code, f"architecture.config.{key}") in found
