"""Decoders of several kinds of layers: exact totals, which layers keep what, experts, names of published checkpoints.

Totals counted with transformers 5.23.0 on the meta device, 2026-11-24.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import family_of, relevant_hyperparameters
from ai_on_eks.descriptors.architectures.registry import MODULES
from ai_on_eks.descriptors.documents import read_json
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, RecurrentState, Sharding, Tensor, TensorRole
from ai_on_eks.descriptors.schema import Family
from ai_on_eks.errors import InputError

SMALL: dict[str, Any] = {
    "hidden_size": 512, "intermediate_size": 1024, "num_hidden_layers": 8, "num_attention_heads": 8,
    "num_key_value_heads": 2, "vocab_size": 1000, "max_position_embeddings": 4096,
}  # fmt: skip
MIXED = ["linear_attention", "linear_attention", "full_attention", "linear_attention"] * 2
SHORT = ["conv", "conv", "full_attention", "conv"]
JAMBA = SMALL | {"model_type": "jamba"}
BAMBA = SMALL | {"model_type": "bamba", "attn_layer_indices": [2, 5], "mamba_n_heads": 16}
GRANITE = SMALL | {
    "model_type": "granitemoehybrid", "layer_types": MIXED, "mamba_n_heads": 16, "shared_intermediate_size": 1024,
}  # fmt: skip
FALCON = SMALL | {"model_type": "falcon_h1", "mamba_d_ssm": 768, "mamba_n_heads": 12, "mamba_d_head": 64}
LFM2 = SMALL | {"model_type": "lfm2", "full_attn_idxs": [1, 3]}
LFM2_MOE = SMALL | {
    "model_type": "lfm2_moe", "layer_types": SHORT * 2, "moe_intermediate_size": 128, "num_experts": 8,
    "num_dense_layers": 3, "conv_L_cache": 4,
}  # fmt: skip
NEMOTRON: dict[str, Any] = {
    "model_type": "nemotron_h", "vocab_size": 1000, "hidden_size": 512, "num_attention_heads": 8,
    "num_key_value_heads": 2, "head_dim": 64, "max_position_embeddings": 4096, "intermediate_size": 700,
    "mamba_num_heads": 12, "mamba_head_dim": 48, "ssm_state_size": 32, "n_groups": 4, "moe_intermediate_size": 96,
    "moe_shared_expert_intermediate_size": 192, "n_routed_experts": 8, "hybrid_override_pattern": "M-M*ME-*",
}  # fmt: skip
LIGHTNING = SMALL | {"model_type": "minimax", "num_local_experts": 4}
GRIFFIN = SMALL | {"model_type": "recurrent_gemma", "num_key_value_heads": 1}
ZAMBA: dict[str, Any] = {
    "model_type": "zamba2", "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 4,
    "num_attention_heads": 8, "num_key_value_heads": 4, "n_mamba_heads": 8, "adapter_rank": 32, "vocab_size": 1000,
    "max_position_embeddings": 512, "layers_block_type": ["mamba", "hybrid", "mamba", "hybrid"],
}  # fmt: skip
JAMBA_LARGE = JAMBA | {
    "hidden_size": 8192, "intermediate_size": 24576, "num_hidden_layers": 72, "num_attention_heads": 64,
    "num_key_value_heads": 8, "vocab_size": 65536,
}  # fmt: skip
BAMBA_9B = BAMBA | {
    "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32, "num_attention_heads": 32,
    "num_key_value_heads": 8, "vocab_size": 128256, "attn_layer_indices": [9, 18, 27], "mamba_n_heads": 128,
    "mamba_d_state": 128,
}  # fmt: skip
LFM2_1B = SMALL | {
    "model_type": "lfm2", "hidden_size": 2048, "intermediate_size": 12288, "num_hidden_layers": 16,
    "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 65536, "layer_types": SHORT * 4,
}  # fmt: skip
NANO_9B = NEMOTRON | {
    "vocab_size": 131072, "hidden_size": 4480, "num_attention_heads": 40, "num_key_value_heads": 8, "head_dim": 128,
    "intermediate_size": 15680, "mamba_num_heads": 128, "mamba_head_dim": 80, "ssm_state_size": 128, "n_groups": 8,
    "hybrid_override_pattern": "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-M-M-",
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def problems(config: dict[str, Any], **changes: Any) -> set[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        read(config, **changes)
    return {
        (problem.code, (problem.path or "").removeprefix("architecture.config.")) for problem in caught.value.problems
    }


def tensors(inventory: Inventory, part: str) -> list[Tensor]:
    return [tensor for tensor in inventory.tensors if part in tensor.name]


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (JAMBA, 120_539_072),
        (JAMBA | {"num_experts": 1, "mamba_proj_bias": True, "mamba_conv_bias": False}, 26_145_216),
        (
            JAMBA
            | {"attn_layer_period": 4, "attn_layer_offset": 0, "expert_layer_period": 3, "expert_layer_offset": 2}
            | {"num_experts": 4, "mamba_dt_rank": 7, "tie_word_embeddings": True},
            33_716_970,
        ),
        (JAMBA_LARGE, 398_555_145_696),  # Jamba-1.5-Large: 398 B
        (BAMBA | {"attention_bias": True, "mlp_bias": True, "mamba_proj_bias": True}, 26_079_616),
        (BAMBA_9B, 9_780_235_392),  # Bamba-9B
        (GRANITE | {"num_local_experts": 0, "shared_intermediate_size": 700}, 22_056_736),
        (
            GRANITE
            | {"num_local_experts": 6, "num_experts_per_tok": 3, "tie_word_embeddings": True, "attention_bias": True},
            101_050_656,
        ),
        (GRANITE | {"num_local_experts": 0, "layer_types": ["full_attention"] * 8}, 18_858_496),
        (
            FALCON | {"head_dim": 32, "mamba_rms_norm": True, "projectors_bias": True, "mamba_n_groups": 2},
            29_999_904,
        ),
        (FALCON | {"mamba_proj_bias": True, "attention_bias": True, "mlp_bias": True}, 30_540_672),
        (LFM2_1B, 1_182_935_552),
        (LFM2 | {"conv_bias": True, "block_auto_adjust_ff_dim": False, "tie_embedding": False}, 21_242_624),
        (LFM2 | {"block_ffn_dim_multiplier": 1.3, "block_multiple_of": 96}, 19_928_832),
        (LFM2_MOE, 20_738_816),
        (NEMOTRON, 7_840_236),
        (
            NEMOTRON
            | {"layers_block_type": ["linear_attention", "mlp", "full_attention", "moe"], "moe_latent_size": 128}
            | {"use_conv_bias": False, "use_bias": True},
            3_954_928,
        ),
        (
            NEMOTRON | {"hybrid_override_pattern": "M-*M-", "mlp_bias": True, "tie_word_embeddings": True},
            5_171_904,  # the library ties nothing
        ),
        (NANO_9B, 8_888_227_328),  # NVIDIA-Nemotron-Nano-9B-v2
        (LIGHTNING, 59_247_104),
        (
            LIGHTNING
            | {"head_dim": 48, "layer_types": ["linear_attention"] * 7 + ["full_attention"]}
            | {"tie_word_embeddings": True},
            58_244_224,
        ),
        (GRIFFIN, 13_150_720),
        (
            GRIFFIN
            | {"lru_width": 640, "attention_bias": True, "conv1d_width": 3, "block_types": ["recurrent", "attention"]}
            | {"tie_word_embeddings": False},
            14_067_200,
        ),
        (ZAMBA, 3_132_000),
    ],
)
def test_given_a_hybrid_when_read_then_its_parameters_are_exact(config: dict[str, Any], parameters: int) -> None:
    assert read(config).parameters == parameters
    assert family_of(config) is Family.HYBRID


def test_given_the_model_types_then_every_one_is_tested() -> None:
    listed = {one for name, types in MODULES.items() if name.startswith("hybrid_") for one in types}
    configs = (JAMBA, BAMBA, GRANITE, FALCON, LFM2, LFM2_MOE, NEMOTRON, LIGHTNING, GRIFFIN, ZAMBA)
    assert {config["model_type"] for config in configs} == listed


@pytest.mark.parametrize(
    ("config", "attending", "recurrent"),
    [
        (JAMBA, (4,), (0, 1, 2, 3, 5, 6, 7)),
        (BAMBA, (2, 5), (0, 1, 3, 4, 6, 7)),
        (GRANITE, (2, 6), (0, 1, 3, 4, 5, 7)),
        (
            GRANITE | {"layer_types": [kind.replace("linear_attention", "mamba") for kind in MIXED]},
            (2, 6),
            (0, 1, 3, 4, 5, 7),
        ),
        (FALCON, tuple(range(8)), tuple(range(8))),
        (LFM2, (1, 3), (0, 2, 4, 5, 6, 7)),
        (LFM2_MOE, (2, 6), (0, 1, 3, 4, 5, 7)),
        (NEMOTRON, (3, 7), (0, 2, 4)),
    ],
)
def test_given_a_pattern_when_read_then_attention_keeps_keys_and_the_others_a_state(
    config: dict[str, Any], attending: tuple[int, ...], recurrent: tuple[int, ...]
) -> None:
    inventory = read(config)
    assert {tensor.layers for tensor in tensors(inventory, "q_proj.weight")} == {attending}
    assert {tensor.layers for tensor in inventory.tensors if tensor.role is TensorRole.CONVOLUTION} == {recurrent}
    for state in inventory.states:
        assert state.layers == len(attending if isinstance(state, KeyValueState) else recurrent)
    assert inventory.operations.per_item_and_context_token == 4 * len(attending) * 8 * read_head(config)


def read_head(config: dict[str, Any]) -> int:
    return int(config.get("head_dim", config["hidden_size"] // config["num_attention_heads"]))


def test_given_every_hybrid_when_read_then_each_tensor_names_its_layers() -> None:
    for config in (JAMBA, BAMBA, GRANITE, FALCON, LFM2, LFM2_MOE, NEMOTRON, LIGHTNING, GRIFFIN, ZAMBA):
        for tensor in read(config).tensors:
            assert ("*" in tensor.name) == (tensor.layers is not None), tensor.name


def test_given_experts_in_some_layers_when_read_then_only_those_and_only_the_chosen_are_active() -> None:
    inventory = read(JAMBA)
    for tensor in tensors(inventory, ".experts."):
        assert tensor.layers == (1, 3, 5, 7)
        assert (tensor.count, tensor.active_count, tensor.per_layer) == (4 * 16, 4 * 2, 16)
    router = tensors(inventory, "feed_forward.router")[0]
    assert (router.sharding, router.quantizable) == (Sharding.REPLICATED, False)


def test_given_latent_experts_when_read_then_they_are_narrow_and_the_projections_whole() -> None:
    inventory = read(NEMOTRON, hybrid_override_pattern="ME", moe_latent_size=128)
    assert {tensor.shape for tensor in tensors(inventory, ".experts.")} == {(96, 128), (128, 96)}
    assert {(tensor.shape, tensor.sharding) for tensor in tensors(inventory, "_latent_proj")} == {
        ((128, 512), Sharding.REPLICATED),
        ((512, 128), Sharding.REPLICATED),
    }
    assert {tensor.shape for tensor in tensors(inventory, "shared_experts")} == {(192, 512), (512, 192)}


@pytest.mark.parametrize(("named", "bits"), [(None, 32), ("float32", 32), ("bfloat16", 16), ("auto", None)])
def test_given_nemotron_when_read_then_the_state_has_the_bits_its_config_names(named: str | None, bits: int) -> None:
    # vLLM 0.33.0, NemotronHForCausalLMConfig: float32 where the config says nothing; the window as the computation
    inventory = read(NEMOTRON, **({} if named is None else {"mamba_ssm_cache_dtype": named}))
    kept = {state.name: state.bits for state in inventory.states}
    assert (kept["state"], kept["convolution window"]) == (bits, None)


def test_given_nemotron_with_a_layer_that_predicts_when_read_then_it_is_on_disk_only() -> None:
    without, with_it = (
        read(NEMOTRON),
        read(NEMOTRON, num_nextn_predict_layers=1, mtp_layers_block_type=["attention", "moe"]),
    )
    assert without.unserved_tensors == ()
    assert (with_it.parameters, with_it.operations) == (without.parameters, without.operations)
    attention = 2 * 512 * 512 + 2 * 128 * 512
    experts = 8 * 2 * 96 * 512 + 2 * 192 * 512 + 8 * 512
    ends = 2 * 512 * 512 + 3 * 512
    assert sum(tensor.parameters for tensor in with_it.unserved_tensors) == attention + experts + ends + 2 * 512
    assert read(NEMOTRON, num_nextn_predict_layers=1).unserved_tensors == with_it.unserved_tensors


def test_given_a_short_convolution_when_read_then_a_window_is_all_it_keeps() -> None:
    # vLLM 0.33.0, short_conv_state_shape: (conv_L_cache - 1) x hidden size
    states = [state for state in read(LFM2_MOE).states if isinstance(state, RecurrentState)]
    assert states == [RecurrentState(6, 3 * 512, 512, name="convolution window")]


def test_given_lightning_attention_when_read_then_every_second_layer_keeps_a_square_per_head() -> None:
    # vLLM 0.33.0, linear_attention_state_shape: heads x head dimension squared
    assert read(LIGHTNING).states == (KeyValueState(4, 2, 64, 64), RecurrentState(4, 8 * 64 * 64, 8, name="state"))


def test_given_windowed_attention_beside_recurrences_when_read_then_nothing_grows_beyond_the_window() -> None:
    inventory = read(GRIFFIN, attention_window_size=100)
    kept = [state for state in inventory.states if isinstance(state, KeyValueState)]
    assert [(state.layers, state.window_tokens, state.grows) for state in kept] == [(2, 100, False)]
    assert inventory.operations.attending(100) == inventory.operations.attending(10**6) == 100 * 4 * 2 * 512


@pytest.mark.parametrize(
    ("config", "changes", "told"),
    [
        (NEMOTRON, {"hybrid_override_pattern": "MX"}, ("unknown-architecture", "hybrid_override_pattern")),
        (NEMOTRON, {"hybrid_override_pattern": "M" * 2000}, ("wrong-type", "hybrid_override_pattern")),
        (NEMOTRON, {"hybrid_override_pattern": None}, ("missing-hyperparameter", "hybrid_override_pattern")),
        (NEMOTRON, {"layers_block_type": ["mamba", "conv"]}, ("wrong-type", "layers_block_type")),
        (NEMOTRON, {"num_experts_per_tok": 9}, ("contradiction", "num_experts_per_tok")),
        (NEMOTRON, {"mlp_bias": True}, ("unknown-architecture", "mlp_bias")),
        (NEMOTRON, {"mamba_ssm_cache_dtype": "int3"}, ("not-allowed", "mamba_ssm_cache_dtype")),
        (GRANITE, {"num_hidden_layers": 9}, ("contradiction", "layer_types")),
        (GRANITE, {"mamba_n_heads": 15}, ("contradiction", "mamba_n_heads")),
        (JAMBA, {"num_hidden_layers": 10**8}, ("out-of-range", "num_hidden_layers")),
        (JAMBA, {"num_key_value_heads": 3}, ("contradiction", "num_key_value_heads")),
        (LIGHTNING, {"layer_types": ["conv"] * 8}, ("wrong-type", "layer_types")),
        (GRIFFIN, {"lru_width": 641}, ("contradiction", "lru_width")),
        (LFM2, {"num_attention_heads": 7}, ("contradiction", "num_attention_heads")),
    ],
)
def test_given_a_fault_when_read_then_it_is_told(
    config: dict[str, Any], changes: dict[str, Any], told: tuple[str, str]
) -> None:
    assert told in problems(config, **changes)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("nvidia__NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 31_577_937_344),
        ("nvidia__NVIDIA-Nemotron-3-Super-120B-A12B-NVFP4", 120_668_687_360),
        ("nvidia__NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16", 549_308_968_960),
        ("nvidia__NVIDIA-Nemotron-3-Ultra-550B-A55B-FP8", 549_308_968_960),
        ("nvidia__Nemotron-H-56B-Base-8K", 56_324_350_464),
    ],
)
def test_given_the_measured_configs_when_read_then_they_have_the_published_parameters(
    name: str, parameters: int, shared: Path
) -> None:
    config = read_json(shared / "truth" / "configs" / f"{name}.json").value
    assert isinstance(config, dict)
    assert read(config).parameters == parameters
    assert json.dumps(relevant_hyperparameters(config)[1])


def test_given_falcon_without_the_width_of_its_mixer_when_read_then_it_is_the_documented_one() -> None:
    silent = {key: value for key, value in FALCON.items() if key not in ("mamba_d_ssm", "mamba_n_heads")}
    heads = {"mamba_n_heads": 16}
    documented, given = (
        relevant_hyperparameters(silent | heads | more)[0].parameters for more in ({}, {"mamba_d_ssm": 1024})
    )
    assert documented == given
