"""Zamba2's shared transformer blocks and DBRX: exact totals, caches, and operations of what is stored once."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, RecurrentState, Sharding
from ai_on_eks.errors import InputError


def layers(count: int, blocks: tuple[int, ...]) -> list[str]:
    return ["hybrid" if number in blocks else "mamba" for number in range(count)]


SMALL: dict[str, Any] = {
    "model_type": "zamba2", "architectures": ["Zamba2ForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 38,
    "intermediate_size": 8192, "num_attention_heads": 32, "num_key_value_heads": 32, "n_mamba_heads": 64,
    "mamba_d_state": 128, "num_mem_blocks": 1, "use_shared_attention_adapter": True, "adapter_rank": 128,
    "vocab_size": 32000, "max_position_embeddings": 4096, "layers_block_type": layers(38, (5, 11, 17, 23, 29, 35)),
}  # fmt: skip
LARGE: dict[str, Any] = {
    "model_type": "zamba2", "architectures": ["Zamba2ForCausalLM"], "hidden_size": 3584, "num_hidden_layers": 81,
    "intermediate_size": 14336, "num_attention_heads": 32, "num_key_value_heads": 32, "n_mamba_heads": 112,
    "mamba_d_state": 64, "mamba_ngroups": 2, "num_mem_blocks": 2, "adapter_rank": 128, "vocab_size": 32000,
    "max_position_embeddings": 4096, "layers_block_type": layers(81, (6, *range(11, 81, 6))),
}  # fmt: skip
DBRX: dict[str, Any] = {
    "model_type": "dbrx", "architectures": ["DbrxForCausalLM"], "d_model": 6144, "n_heads": 48, "n_layers": 40,
    "max_seq_len": 32768, "vocab_size": 100352, "attn_config": {"kv_n_heads": 8, "clip_qkv": 8},
    "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4},
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


@pytest.mark.parametrize(
    ("config", "parameters", "active"),
    [
        (SMALL, 1_215_064_704, 1_215_064_704),
        (LARGE, 7_356_749_648, 7_356_749_648),
        (DBRX, 131_596_523_520, 36_469_708_800),
    ],
    ids=["Zamba2-1.2B", "Zamba2-7B", "DBRX"],
)
def test_given_published_dimensions_when_read_then_all_and_active_parameters_are_counted(
    config: dict[str, Any], parameters: int, active: int
) -> None:
    # transformers 5.23.0 on the meta device, shared weights once
    inventory, relevant = relevant_hyperparameters(config)
    assert (inventory.parameters, inventory.active_parameters) == (parameters, active)
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_shared_blocks_when_read_then_each_of_their_layers_keeps_its_own_tokens() -> None:
    inventory = read(LARGE)
    (kept,) = (one for one in inventory.states if isinstance(one, KeyValueState))
    assert (kept.layers, kept.key_value_heads, kept.key_dimension) == (13, 32, 2 * 3584 // 32)
    mixers = [one for one in inventory.states if isinstance(one, RecurrentState) and one.name == "state"]
    assert sum(one.layers for one in mixers) == 81


def test_given_more_sets_of_weights_when_read_then_only_what_is_stored_grows() -> None:
    one, two = read(LARGE, num_mem_blocks=1), read(LARGE)
    block = 2 * 3584 * 3 * 7168 + 7168 * 3584 + 3 * 3584 * 14336 + 2 * 3584 + 3584
    assert two.parameters - one.parameters == block
    assert two.operations == one.operations
    assert two.states == one.states


def test_given_no_block_when_read_then_it_is_mixers_alone() -> None:
    inventory = read(SMALL, layers_block_type=["mamba"] * 38)
    assert not any(isinstance(one, KeyValueState) for one in inventory.states)
    assert inventory.operations.per_item_and_context_token == 0


def test_given_dbrx_when_read_then_it_has_its_names_and_keys_divide_up_to_their_heads() -> None:
    tensors = {one.name: one for one in read(DBRX).tensors}
    fused = tensors["transformer.blocks.*.norm_attn_norm.attn.Wqkv.weight[keys, values]"]
    assert (fused.shape, fused.sharding) == ((2 * 8 * 128, 6144), Sharding.KEY_VALUE)
    assert tensors["transformer.blocks.*.ffn.experts.*.w2.weight"].shape == (6144, 10752)
    (kept,) = read(DBRX).states
    assert isinstance(kept, KeyValueState)
    assert (kept.layers, kept.key_value_heads, kept.key_dimension) == (40, 8, 128)


@pytest.mark.parametrize(
    ("config", "changes", "code", "path"),
    [
        (SMALL, {"layers_block_type": None}, "missing-hyperparameter", "layers_block_type"),
        (SMALL, {"layers_block_type": ["mamba"] * 37}, "contradiction", "layers_block_type"),
        (SMALL, {"num_key_value_heads": 5}, "contradiction", "num_key_value_heads"),
        (SMALL, {"n_mamba_heads": 63}, "contradiction", "n_mamba_heads"),
        (DBRX, {"attn_config": {"kv_n_heads": 7}}, "contradiction", "attn_config.kv_n_heads"),
        (DBRX, {"ffn_config": {"moe_top_k": 17, "moe_num_experts": 16}}, "contradiction", "ffn_config.moe_top_k"),
        (DBRX, {"n_heads": 47}, "contradiction", "n_heads"),
    ],
)
def test_given_dimensions_that_do_not_fit_when_read_then_they_are_refused(
    config: dict[str, Any], changes: dict[str, Any], code: str, path: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(config, **changes)
    problems = [(one.code, (one.path or "").removeprefix("architecture.config.")) for one in caught.value.problems]
    assert (code, path) in problems
