"""Qwen3-Next and Qwen3.5: exact totals, the engine's states, the layer that predicts further tokens.

Totals counted with transformers 5.23.0 on the meta device, 2026-11-24.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import family_of, relevant_hyperparameters
from ai_on_eks.descriptors.architectures.gated_delta import MODEL_TYPES
from ai_on_eks.descriptors.documents import read_json
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, RecurrentState, TensorRole
from ai_on_eks.descriptors.schema import Family
from ai_on_eks.errors import InputError

TEXT: dict[str, Any] = {
    "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 8,
    "num_key_value_heads": 2, "vocab_size": 1000, "max_position_embeddings": 4096, "head_dim": 32,
    "linear_num_key_heads": 4, "linear_num_value_heads": 8, "linear_key_head_dim": 24, "linear_value_head_dim": 40,
}  # fmt: skip
SPARSE = TEXT | {
    "num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 128, "shared_expert_intermediate_size": 96,
}  # fmt: skip
VISION = {"depth": 3, "hidden_size": 64, "intermediate_size": 96, "num_heads": 4, "out_hidden_size": 512}
NEXT = SPARSE | {"model_type": "qwen3_next"}
DENSE_TEXT = TEXT | {"model_type": "qwen3_5_text"}
SPARSE_TEXT = SPARSE | {"model_type": "qwen3_5_moe_text"}
DENSE: dict[str, Any] = {"model_type": "qwen3_5", "text_config": TEXT, "vision_config": VISION}
MOE: dict[str, Any] = {"model_type": "qwen3_5_moe", "text_config": SPARSE, "vision_config": VISION}
ALL = (NEXT, DENSE_TEXT, SPARSE_TEXT, DENSE, MOE)
NEXT_80B: dict[str, Any] = {
    "model_type": "qwen3_next", "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 48,
    "num_attention_heads": 16, "num_key_value_heads": 2, "vocab_size": 151936, "max_position_embeddings": 262144,
    "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def problems(config: dict[str, Any], **changes: Any) -> set[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        read(config, **changes)
    return {
        (problem.code, (problem.path or "").removeprefix("architecture.config.")) for problem in caught.value.problems
    }


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (NEXT, 16_196_560),
        (
            NEXT
            | {"mlp_only_layers": [1], "decoder_sparse_step": 2, "attention_bias": True}
            | {"layer_types": ["full_attention"] + ["linear_attention"] * 7},
            17_549_896,
        ),
        (NEXT_80B, 79_674_391_296),  # Qwen3-Next-80B-A3B
        (DENSE_TEXT | {"full_attention_interval": 2}, 17_851_360),
        (DENSE_TEXT | {"tie_word_embeddings": True}, 17_621_968),
        (SPARSE_TEXT, 16_196_560),
        (DENSE | {"tie_word_embeddings": True}, 18_153_328),
        (MOE, 16_727_920),
    ],
)
def test_given_a_gated_delta_net_when_read_then_its_parameters_are_exact(
    config: dict[str, Any], parameters: int
) -> None:
    assert read(config).parameters == parameters
    assert family_of(config) is Family.HYBRID


def test_given_the_model_types_then_every_one_is_tested() -> None:
    assert {config["model_type"] for config in ALL} == set(MODEL_TYPES)


def test_given_an_embedding_tied_by_the_decoder_only_when_read_then_it_is_tied() -> None:
    outer = read(DENSE | {"tie_word_embeddings": True})
    assert read(DENSE | {"text_config": TEXT | {"tie_word_embeddings": True}}) == outer


def test_given_every_fourth_layer_when_read_then_it_attends_and_the_others_keep_a_state() -> None:
    # vLLM 0.33.0, gated_delta_net_state_shape: (kernel - 1) x (2 x keys + values), value heads x value x key dimension
    inventory = read(SPARSE_TEXT)
    assert inventory.states == (
        KeyValueState(2, 2, 32, 32),
        RecurrentState(6, 3 * (2 * 4 * 24 + 8 * 40), 4, name="convolution window"),
        RecurrentState(6, 8 * 24 * 40, 8, name="state"),
    )
    attending = {tensor.layers for tensor in inventory.tensors if "self_attn" in tensor.name}
    recurrent = {tensor.layers for tensor in inventory.tensors if "linear_attn" in tensor.name}
    assert (attending, recurrent) == ({(3, 7)}, {(0, 1, 2, 4, 5, 6)})


@pytest.mark.parametrize(("named", "bits"), [(None, None), ("float32", 32), ("bfloat16", 16)])
def test_given_a_data_type_of_the_state_when_read_then_only_the_state_has_it(named: str | None, bits: int) -> None:
    inventory = read(DENSE_TEXT, **({} if named is None else {"mamba_ssm_dtype": named}))
    assert [state.bits for state in inventory.states] == [None, None, bits]


def test_given_the_dimensions_of_27b_when_read_then_a_layer_keeps_what_the_engine_logged() -> None:
    # An attention block of 1568 tokens, whose page is 0.13 % larger than the state's, was logged for Qwen3.8-27B with
    # an FP8 cache (noonghunna/club-3090#1047, 2026-08): 1568 x 4 heads x 2 x 256 B = 3,211,264 B
    text = TEXT | {
        "linear_num_key_heads": 16, "linear_num_value_heads": 48, "linear_key_head_dim": 128,
        "linear_value_head_dim": 128, "mamba_ssm_dtype": "float32",
    }  # fmt: skip
    states = [
        state for state in read(text | {"model_type": "qwen3_5_text"}).states if isinstance(state, RecurrentState)
    ]
    page = sum(state.elements * (state.bits or 16) // 8 for state in states)
    assert page == 3_207_168
    assert round((3_211_264 / page - 1) * 100, 2) == 0.13


def test_given_a_layer_that_predicts_when_read_then_it_is_on_disk_only() -> None:
    without, with_it = read(SPARSE_TEXT), read(SPARSE_TEXT, mtp_num_hidden_layers=1)
    assert with_it.parameters == without.parameters
    assert with_it.operations == without.operations
    assert without.unserved_tensors == ()
    layer = sum(
        tensor.parameters // len(tensor.layers or (0,))
        for tensor in without.tensors
        if "self_attn" in tensor.name or ".mlp." in tensor.name or "layernorm" in tensor.name
    )
    assert sum(tensor.parameters for tensor in with_it.unserved_tensors) == layer + 2 * 512 * 512 + 3 * 512
    assert all(tensor.name.startswith("mtp.") for tensor in with_it.unserved_tensors)


def test_given_a_vision_tower_when_read_then_it_stands_before_the_decoder() -> None:
    inventory = read(MOE)
    tower = [tensor for tensor in inventory.tensors if tensor.role is TensorRole.VISION]
    assert tower
    assert len(inventory.encoders) == 1
    assert inventory.parameters - sum(tensor.parameters for tensor in tower) == read(SPARSE_TEXT).parameters
    assert all(
        tensor.name.startswith(("model.language_model.", "lm_head"))
        for tensor in inventory.tensors
        if tensor not in tower
    )


def test_given_narrow_projections_when_read_then_quantization_leaves_them_alone() -> None:
    inventory = read(DENSE_TEXT)
    left = {"in_proj_a", "in_proj_b", "conv1d", "norm", "dt_bias", "A_log"}
    for tensor in inventory.tensors:
        if "linear_attn" in tensor.name:
            assert tensor.quantizable is not any(part in tensor.name for part in left), tensor.name


@pytest.mark.parametrize(
    ("config", "changes", "told"),
    [
        (DENSE, {"text_config": None}, ("missing-hyperparameter", "text_config")),
        (DENSE, {"vision_config": 3}, ("wrong-type", "vision_config")),
        (DENSE, {"text_config": TEXT | {"hidden_size": "512"}}, ("wrong-type", "text_config.hidden_size")),
        (DENSE_TEXT, {"linear_num_value_heads": 7}, ("contradiction", "linear_num_value_heads")),
        (DENSE_TEXT, {"layer_types": ["full_attention"]}, ("contradiction", "layer_types")),
        (DENSE_TEXT, {"num_hidden_layers": 10**8}, ("out-of-range", "num_hidden_layers")),
        (SPARSE_TEXT, {"num_experts_per_tok": 7}, ("contradiction", "num_experts_per_tok")),
        (DENSE_TEXT, {"mamba_ssm_dtype": "int4"}, ("not-allowed", "mamba_ssm_dtype")),
    ],
)
def test_given_a_fault_when_read_then_it_is_told(
    config: dict[str, Any], changes: dict[str, Any], told: tuple[str, str]
) -> None:
    assert told in problems(config, **changes)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("Qwen__Qwen3.5-27B", 27_356_728_560),
        ("Qwen__Qwen3.5-122B-A10B", 122_562_817_776),
        ("Qwen__Qwen3.5-397B-A17B", 396_802_360_816),
        ("nvidia__Qwen3.5-122B-A10B-NVFP4", 122_562_817_776),
        ("nvidia__Qwen3.6-35B-A3B-NVFP4", 35_107_181_936),
    ],
)
def test_given_the_measured_configs_when_read_then_they_have_the_published_parameters(
    name: str, parameters: int, shared: Path
) -> None:
    config = read_json(shared / "truth" / "configs" / f"{name}.json").value
    assert isinstance(config, dict)
    assert read(config).parameters == parameters
