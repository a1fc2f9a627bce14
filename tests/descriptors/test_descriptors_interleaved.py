"""Decoders whose layers differ: parameters as transformers counts them, states by kind of layer, numbers of layers."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding, Tensor
from ai_on_eks.errors import InputError

SMALL: dict[str, Any] = {
    "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 8, "num_attention_heads": 8,
    "num_key_value_heads": 4, "vocab_size": 1000, "max_position_embeddings": 4096, "head_dim": 32,
    "moe_intermediate_size": 64, "num_experts_per_tok": 2,
}  # fmt: skip
MIMO = SMALL | {"model_type": "mimo_v2_flash", "v_head_dim": 16, "n_routed_experts": 4}
LLAMA_4 = SMALL | {
    "model_type": "llama4_text", "num_local_experts": 4, "intermediate_size_mlp": 512, "num_experts_per_tok": 1,
}  # fmt: skip
STEP = SMALL | {
    "model_type": "step3p5", "n_routed_experts": 4, "share_expert_dim": 48, "sliding_window": 64,
    "layer_types": ["full_attention", "sliding_attention"] * 4,
}  # fmt: skip
MINIMAX_M3 = SMALL | {
    "model_type": "minimax_m3", "num_local_experts": 4, "dense_intermediate_size": 512,
    "shared_intermediate_size": 48, "moe_layer_freq": [0, 0, 1, 1, 1, 1, 1, 1],
    "sparse_attention_config": {
        "sparse_attention_freq": [0, 0, 1, 1, 1, 1, 1, 1], "sparse_num_index_heads": 4, "sparse_index_dim": 16,
    },
}  # fmt: skip
GEMMA_4 = SMALL | {
    "model_type": "gemma4_text", "num_hidden_layers": 12, "global_head_dim": 64, "vocab_size_per_layer_input": 1000,
    "hidden_size_per_layer_input": 16, "num_experts": 4, "top_k_experts": 2,
}  # fmt: skip
SAME = {"attention_k_eq_v": True, "num_global_key_value_heads": 2, "hidden_size_per_layer_input": 0}
EVERY = (MIMO, LLAMA_4, STEP, MINIMAX_M3, GEMMA_4)


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def tensors(inventory: Inventory) -> dict[str, Tensor]:
    return {tensor.name: tensor for tensor in inventory.tensors}


@pytest.mark.parametrize(
    ("config", "changes", "parameters"),
    [
        (MIMO, {}, 3_669_296),
        (LLAMA_4, {}, 13_893_888),
        (LLAMA_4, {"interleave_moe_layer_step": 2}, 9_564_416),
        (STEP, {"architectures": ["Step3p7TextModel"]}, 3_907_328),
        (STEP, {"architectures": ["Step3p7TextModel"], "num_sliding_attention_heads": 16}, 4_439_808),
        (STEP, {"architectures": ["M"], "attention_other_setting": {"num_attention_heads": 16}}, None),
        (MINIMAX_M3, {}, 10_304_448),
        (GEMMA_4, {}, 6_903_440),
        (GEMMA_4, {"num_kv_shared_layers": 4, "use_double_wide_mlp": True}, 7_755_248),
        (GEMMA_4, SAME, 6_364_288),
        (GEMMA_4, SAME | {"enable_moe_block": True}, 8_748_208),
    ],
)
def test_given_a_small_config_when_read_then_its_parameters_are_those_the_library_counts(
    config: dict[str, Any], changes: dict[str, Any], parameters: int | None
) -> None:
    # counted with transformers 5.23.0 on the meta device, tied weights once
    if parameters is None:
        changes, parameters = changes | {"architectures": ["Step3p7TextModel"]}, 4_439_808
    inventory, relevant = relevant_hyperparameters({**config, **changes})
    assert inventory.parameters == parameters
    assert relevant_hyperparameters(relevant)[0] == inventory


@pytest.mark.parametrize(
    ("config", "changes", "expected"),
    [
        (MIMO, {}, [(2, 4, 32, 16, None), (6, 8, 32, 16, 129)]),
        (MIMO, {"hybrid_layer_pattern": [0, 1] * 4, "sliding_window_size": 64, "swa_num_key_value_heads": 2},
         [(4, 4, 32, 16, None), (4, 2, 32, 16, 65)]),
        (LLAMA_4, {}, [(2, 4, 32, 32, None), (6, 4, 32, 32, 8192)]),
        (LLAMA_4, {"attention_chunk_size": 128, "no_rope_layers": [1, 1, 1, 1, 1, 1, 1, 0]},
         [(1, 4, 32, 32, None), (7, 4, 32, 32, 128)]),
        (STEP, {}, [(4, 4, 32, 32, None), (4, 4, 32, 32, 64)]),
        (MINIMAX_M3, {}, [(8, 4, 32, 32, None), (6, 1, 16, 0, None)]),
        (GEMMA_4, {}, [(2, 4, 64, 64, None), (10, 4, 32, 32, 512)]),
        (GEMMA_4, SAME, [(2, 2, 64, 64, None), (10, 4, 32, 32, 512)]),
        (GEMMA_4, {"num_kv_shared_layers": 6}, [(1, 4, 64, 64, None), (5, 4, 32, 32, 512)]),
    ],
)  # fmt: skip
def test_given_layers_of_different_kinds_when_read_then_each_kind_keeps_its_own(
    config: dict[str, Any], changes: dict[str, Any], expected: list[tuple[int, int, int, int, int | None]]
) -> None:
    states = [state for state in read(config, **changes).states if isinstance(state, KeyValueState)]
    found = [(s.layers, s.key_value_heads, s.key_dimension, s.value_dimension, s.window_tokens) for s in states]
    assert found == expected


def test_given_an_indexer_when_read_then_its_keys_are_whole_on_every_rank_and_named() -> None:
    inventory = read(MINIMAX_M3)
    keys = inventory.states[-1]
    assert isinstance(keys, KeyValueState)
    assert (keys.name, keys.is_replicated, keys.bits) == ("indexer keys", True, 16)
    assert "indexer" in inventory.estimated[0]
    off = {**MINIMAX_M3["sparse_attention_config"], "use_sparse_attention": False}
    assert read(MINIMAX_M3, sparse_attention_config=off).estimated == ()


def test_given_layers_that_share_keys_when_read_then_they_have_no_projections_of_them() -> None:
    inventory = read(GEMMA_4, num_kv_shared_layers=6)
    by_name: dict[str, set[int]] = {}
    for tensor in inventory.tensors:
        by_name.setdefault(tensor.name, set()).update(tensor.layers or ())
    assert by_name["model.layers.*.self_attn.k_proj.weight"] == set(range(6))
    assert by_name["model.layers.*.self_attn.q_proj.weight"] == set(range(12))
    # all layers attend, also those that keep nothing
    assert inventory.operations.per_item_and_context_token == 2 * 2 * 8 * 128


def test_given_dense_layers_before_sparse_ones_when_read_then_their_numbers_are_told() -> None:
    found = tensors(read(MIMO))
    assert found["model.layers.*.mlp.gate_proj.weight"].layers == (0,)
    assert found["model.layers.*.mlp.gate.weight"].layers == (1, 2, 3, 4, 5, 6, 7)
    assert found["model.layers.*.self_attn.attention_sink_bias"].layers == (1, 2, 3, 4, 6, 7)
    experts = found["model.layers.*.mlp.experts.*.up_proj.weight"]
    assert (experts.count, experts.per_layer, experts.active_count) == (28, 4, 14)
    assert found["model.layers.*.mlp.gate.weight"].sharding is Sharding.REPLICATED


def test_given_step_s_published_words_when_read_then_they_mean_the_same() -> None:
    published = {key: value for key, value in STEP.items() if key not in ("n_routed_experts", "num_experts_per_tok")}
    published |= {"moe_num_experts": 4, "moe_top_k": 2, "num_attention_groups": 4, "moe_layers_enum": "3,4,5,6,7"}
    del published["num_key_value_heads"]
    assert read(published).tensors == read(STEP).tensors
    assert read(published).states == read(STEP).states


def test_given_step_3_7_without_a_vision_section_when_read_then_its_tower_is_assumed_and_told() -> None:
    # 1 981 014 784 of the tower and its projector to 4096, counted with transformers 5.23.0 on the meta device
    flat = read(STEP, model_type="step3p7")
    assert flat.parameters - read(STEP).parameters == 1_981_014_784 - 6144 * (4096 - 256)
    nested = read({"model_type": "step3p7", "text_config": STEP, "vision_config": {"layers": 47}})
    assert flat.parameters == nested.parameters
    assert "tower" in flat.estimated[0]
    assert nested.estimated == ()
    assert nested.encoders[0].tokens == 169
    assert "model.language_model.embed_tokens.weight" in tensors(flat)


@pytest.mark.parametrize(
    ("config", "changes", "code"),
    [
        (MIMO, {"n_shared_experts": 1}, "unknown-architecture"),
        (MIMO, {"hybrid_layer_pattern": [0, 2] * 4}, "wrong-type"),
        (MIMO, {"hybrid_layer_pattern": [0, 1]}, "contradiction"),
        (MIMO, {"moe_layer_freq": [0]}, "contradiction"),
        (LLAMA_4, {"num_experts_per_tok": 5}, "contradiction"),
        (LLAMA_4, {"num_local_experts": None}, "missing-hyperparameter"),
        (STEP, {"moe_layers_enum": "3,x"}, "unknown-architecture"),
        (STEP, {"num_key_value_heads": 3}, "contradiction"),
        (MINIMAX_M3, {"attention_output_gate": True}, "unknown-architecture"),
        (MINIMAX_M3, {"sparse_attention_config": 3}, "wrong-type"),
        (GEMMA_4, {"num_kv_shared_layers": 12}, "contradiction"),
        (GEMMA_4, {"num_kv_shared_layers": 9}, "contradiction"),
    ],
)
def test_given_an_unusable_config_when_read_then_an_input_error_says_why(
    config: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(config, **changes)
    assert code in {problem.code for problem in caught.value.problems}


@pytest.mark.parametrize("config", EVERY)
def test_given_a_thousand_layers_when_read_then_layers_of_a_kind_are_listed_together(config: dict[str, Any]) -> None:
    plain = {key: value for key, value in config.items() if key not in ("layer_types", "moe_layer_freq")}
    if "sparse_attention_config" in plain:
        plain["sparse_attention_config"] = plain["sparse_attention_config"] | {"sparse_attention_freq": [1] * 1000}
    assert len(read(plain, num_hidden_layers=1000).tensors) < 60


def test_given_step_with_biases_in_its_feed_forward_layers_when_read_then_it_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(STEP | {"mlp_bias": True})
    assert [problem.path for problem in caught.value.problems] == ["architecture.config.mlp_bias"]
