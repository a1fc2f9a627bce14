"""Mixtures of experts: exact totals, what one token passes, and what is read per layer."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.architectures.mixture import MODEL_TYPES
from ai_on_eks.descriptors.documents import parse_yaml
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole
from ai_on_eks.errors import InputError

TRUTH = Path(__file__).resolve().parents[3] / "shared" / "truth"

MIXTRAL: dict[str, Any] = {
    "model_type": "mixtral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "max_position_embeddings": 32768,
    "num_local_experts": 8, "num_experts_per_tok": 2,
}  # fmt: skip
QWEN2: dict[str, Any] = {
    "model_type": "qwen2_moe", "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 24,
    "num_attention_heads": 16, "num_key_value_heads": 16, "vocab_size": 151936, "max_position_embeddings": 8192,
    "num_experts": 60, "num_experts_per_tok": 4, "moe_intermediate_size": 1408,
    "shared_expert_intermediate_size": 5632,
}  # fmt: skip
QWEN3: dict[str, Any] = {
    "model_type": "qwen3_moe", "hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 48,
    "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128, "vocab_size": 151936,
    "max_position_embeddings": 40960, "num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768,
}  # fmt: skip
MINIMAX: dict[str, Any] = {
    "model_type": "minimax_m2", "hidden_size": 3072, "intermediate_size": 1536, "num_hidden_layers": 62,
    "num_attention_heads": 48, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 200064,
    "max_position_embeddings": 196608, "num_local_experts": 256, "num_experts_per_tok": 8,
}  # fmt: skip
GPT_OSS: dict[str, Any] = {
    "model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880, "num_hidden_layers": 24,
    "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64, "vocab_size": 201088,
    "max_position_embeddings": 131072, "num_local_experts": 32, "num_experts_per_tok": 4, "sliding_window": 128,
}  # fmt: skip
ALL = (MIXTRAL, QWEN2, QWEN3, MINIMAX, GPT_OSS)

DENSE_LAYER = 3 * 2048 * 6144
SPARSE_LAYER = 128 * 3 * 2048 * 768 + 128 * 2048


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def problems(config: dict[str, Any], **changes: Any) -> set[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        read(config, **changes)
    return {(problem.code, problem.path) for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("config", "parameters", "active"),
    [
        (MIXTRAL, 46_702_792_704, 12_879_925_248),  # Mixtral-8x7B: 12.9 B active
        (QWEN2, 14_315_784_192, 2_689_173_504),  # Qwen1.5-MoE-A2.7B
        (QWEN3, 30_532_122_624, 3_353_032_704),  # Qwen3-30B-A3B: 3.3 B active
        (MINIMAX, 228_689_748_992, 11_030_537_216),  # MiniMax-M2.5
        (GPT_OSS, 20_914_757_184, 4_187_440_704),  # gpt-oss-20b
        (GPT_OSS | {"num_hidden_layers": 36, "num_local_experts": 128}, 116_829_156_672, 5_711_982_912),
    ],
)
def test_given_a_published_mixture_when_read_then_total_and_active_parameters_are_exact(
    config: dict[str, Any], parameters: int, active: int
) -> None:
    assert (read(config).parameters, read(config).active_parameters) == (parameters, active)


def test_given_every_model_type_when_tested_then_none_is_left_out() -> None:
    assert {config["model_type"] for config in ALL} == set(MODEL_TYPES)


@pytest.mark.parametrize("config", ALL, ids=lambda config: str(config["model_type"]))
def test_given_any_mixture_when_read_then_only_its_experts_are_partly_active(config: dict[str, Any]) -> None:
    inventory = read(config)
    number = config.get("num_experts") or config["num_local_experts"]
    assert 0 < inventory.active_parameters < inventory.parameters
    for tensor in inventory.tensors:
        partly = tensor.active_count is not None and tensor.active_count < tensor.count
        assert partly == (tensor.role is TensorRole.EXPERT), tensor.name
        assert tensor.per_layer == (number if tensor.role is TensorRole.EXPERT else 1), tensor.name


@pytest.mark.parametrize("config", ALL, ids=lambda config: str(config["model_type"]))
def test_given_as_many_experts_as_there_are_when_all_chosen_then_everything_is_active(config: dict[str, Any]) -> None:
    number = config.get("num_experts") or config["num_local_experts"]
    inventory = read(config, num_experts_per_tok=number)
    assert inventory.active_parameters == inventory.parameters
    assert inventory.operations.per_item > read(config).operations.per_item


@pytest.mark.parametrize("config", ALL, ids=lambda config: str(config["model_type"]))
def test_given_any_mixture_when_read_then_experts_are_divided_and_routers_whole_and_unquantized(
    config: dict[str, Any],
) -> None:
    for tensor in read(config).tensors:
        if tensor.role is TensorRole.ROUTER:
            assert (tensor.sharding, tensor.quantizable) == (Sharding.REPLICATED, False), tensor.name
        if tensor.role is TensorRole.EXPERT and len(tensor.shape) == 2:
            assert (tensor.sharding, tensor.quantizable) == (Sharding.SPLIT, True), tensor.name


def test_given_the_published_quantization_of_gpt_oss_when_read_then_only_experts_are_quantizable() -> None:
    assert {tensor.role for tensor in read(GPT_OSS).tensors if tensor.quantizable} == {TensorRole.EXPERT}


def test_given_mixtral_when_read_then_operations_and_activations_follow_two_experts() -> None:
    inventory = read(MIXTRAL)
    attention = 2 * 4096 * 4096 + 2 * 4096 * 1024
    layer = attention + 8 * 4096 + 2 * 3 * 4096 * 14336
    assert inventory.operations.per_item == 2 * (32 * layer + 32000 * 4096)
    assert inventory.operations.per_item_and_context_token == 4 * 32 * 4096
    assert inventory.activations.per_item == 2 * 4096 + 8 + 2 * (14336 + 2 * 14336)


def test_given_narrow_experts_when_read_then_their_outputs_are_what_is_wide() -> None:
    # 8 experts of 768: a buffer of 8 outputs of 2048 is wider than 8 products of 2 × 768
    assert read(QWEN3).activations.per_item == 2 * 2048 + 128 + 8 * (2048 + 2048)


def test_given_a_shared_expert_when_wide_then_it_decides_the_activations() -> None:
    assert read(QWEN2, shared_expert_intermediate_size=65536).activations.per_item == 2 * 2048 + 3 * 65536
    assert read(QWEN2).activations.per_item == 2 * 2048 + 60 + 4 * (2048 + 2816) + 2048


@pytest.mark.parametrize(
    ("changes", "sparse"),
    [
        ({}, 48),
        ({"mlp_only_layers": []}, 48),
        ({"mlp_only_layers": [0, 1, 2]}, 45),
        ({"mlp_only_layers": [0, 0, 48, 1000]}, 47),
        ({"decoder_sparse_step": 2}, 24),
        ({"decoder_sparse_step": 2, "mlp_only_layers": [0, 2, 3]}, 23),  # 0 and 2 are dense already
        ({"decoder_sparse_step": 5}, 9),
        ({"decoder_sparse_step": 49}, 0),
    ],
)
def test_given_dense_layers_among_sparse_ones_when_read_then_each_is_counted(
    changes: dict[str, Any], sparse: int
) -> None:
    inventory = read(QWEN3, **changes)
    dense = 48 - sparse
    assert inventory.parameters == 30_532_122_624 + dense * (DENSE_LAYER - SPARSE_LAYER)
    assert sum(tensor.count for tensor in inventory.tensors if tensor.role is TensorRole.ROUTER) == sparse


def test_given_only_sparse_layers_when_read_then_the_dense_width_is_not_asked_for() -> None:
    assert read(QWEN3, intermediate_size=None) == read(QWEN3)
    assert "intermediate_size" not in relevant_hyperparameters(QWEN3)[1]
    missing = ("missing-hyperparameter", "architecture.config.intermediate_size")
    assert problems(QWEN3, intermediate_size=None, decoder_sparse_step=2) == {missing}


def test_given_the_general_name_of_the_experts_when_read_then_it_means_the_same() -> None:
    general = {key: value for key, value in QWEN3.items() if key != "num_experts"} | {"num_local_experts": 128}
    assert read(general) == read(QWEN3)


def test_given_layers_made_dense_when_read_then_their_numbers_are_told() -> None:
    tensors = read(QWEN3, mlp_only_layers=[0, 5]).tensors
    numbers = {tensor.name: tensor.layers for tensor in tensors}
    assert numbers["model.layers.*.mlp.gate_proj.weight"] == (0, 5)
    assert numbers["model.layers.*.mlp.gate.weight"] == tuple(layer for layer in range(48) if layer not in (0, 5))
    assert numbers["model.layers.*.self_attn.q_proj.weight"] is None


def test_given_gpt_oss_when_read_then_what_its_kernels_pad_is_named_as_left_out() -> None:
    assert "pad" in read(GPT_OSS, sliding_window=None).estimated[0]
    assert [config["model_type"] for config in ALL if read(config).estimated] == ["gpt_oss"]


@pytest.mark.parametrize(
    ("config", "changes", "code", "key"),
    [
        (MIXTRAL, {"num_experts_per_tok": 9}, "contradiction", "num_experts_per_tok"),
        (MIXTRAL, {"num_experts_per_tok": 0}, "out-of-range", "num_experts_per_tok"),
        (MIXTRAL, {"num_experts_per_tok": None}, "missing-hyperparameter", "num_experts_per_tok"),
        (MIXTRAL, {"num_local_experts": None}, "missing-hyperparameter", "num_local_experts"),
        (MIXTRAL, {"intermediate_size": None}, "missing-hyperparameter", "intermediate_size"),
        (QWEN3, {"moe_intermediate_size": None}, "missing-hyperparameter", "moe_intermediate_size"),
        (QWEN3, {"decoder_sparse_step": 0}, "out-of-range", "decoder_sparse_step"),
        (QWEN3, {"mlp_only_layers": [-1]}, "wrong-type", "mlp_only_layers"),
        (QWEN3, {"mlp_only_layers": "none"}, "wrong-type", "mlp_only_layers"),
        (QWEN3, {"mlp_only_layers": [0] * 1001}, "wrong-type", "mlp_only_layers"),
        (QWEN2, {"shared_expert_intermediate_size": None}, "missing-hyperparameter", "shared_expert_intermediate_size"),
    ],
)
def test_given_an_unusable_mixture_when_read_then_the_problem_names_the_key(
    config: dict[str, Any], changes: dict[str, Any], code: str, key: str
) -> None:
    assert problems(config, **changes) == {(code, f"architecture.config.{key}")}


@pytest.mark.parametrize("active", [-1, 0, 9])
def test_given_an_impossible_active_count_when_made_then_it_is_refused(active: int) -> None:
    with pytest.raises(ValueError, match="cannot be active"):
        Tensor("experts", (4, 4), TensorRole.EXPERT, Sharding.SPLIT, 8, active_count=active)


def test_given_no_active_count_when_counted_then_every_tensor_is_active() -> None:
    tensor = Tensor("experts", (4, 4), TensorRole.EXPERT, Sharding.SPLIT, 8)
    assert tensor.active_parameters == tensor.parameters == 128
    with pytest.raises(ValueError, match="per layer"):
        Tensor("experts", (4, 4), TensorRole.EXPERT, Sharding.SPLIT, 8, per_layer=0)


def test_given_the_measured_mixtures_when_read_then_routed_and_active_parameters_are_theirs() -> None:
    if not TRUTH.is_dir():
        pytest.skip("../shared is absent: published parameter counts not checked")
    checked = 0
    text = (TRUTH / "parameters.yaml").read_text(encoding="utf-8")
    for record in parse_yaml(text, "parameters.yaml").value["records"]:
        if "config" not in record or "params" not in record:
            continue
        config = json.loads((TRUTH / record["config"]).read_text(encoding="utf-8"))
        if config.get("model_type") not in MODEL_TYPES:
            continue
        inventory = relevant_hyperparameters(config)[0]
        routed = sum(
            tensor.count * prod(tensor.shape) for tensor in inventory.tensors if tensor.role is TensorRole.EXPERT
        )
        assert inventory.parameters == record["params"], record["model"]
        assert routed == record.get("routed_expert_params", routed), record["model"]
        active = inventory.active_parameters
        assert active == record.get("active_params_incl_embeddings", active), record["model"]
        checked += 1
    assert checked >= 8


SMALL: dict[str, Any] = {
    "hidden_size": 256, "intermediate_size": 384, "num_hidden_layers": 8, "num_attention_heads": 8,
    "num_key_value_heads": 4, "vocab_size": 1000, "max_position_embeddings": 4096, "moe_intermediate_size": 64,
    "num_experts_per_tok": 2,
}  # fmt: skip
ROUTED = {"n_routed_experts": 4}
ERNIE = {"moe_num_experts": 4, "moe_k": 2}


@pytest.mark.parametrize(
    ("model_type", "changes", "parameters"),
    [
        ("dots1", ROUTED | {"n_shared_experts": 2, "first_k_dense_replace": 1}, 4_456_192),
        ("dots1", ROUTED | {"n_shared_experts": 1, "first_k_dense_replace": 1, "max_window_layers": 3}, 4_112_128),
        ("ernie4_5_moe", ERNIE, 4_199_708),
        ("ernie4_5_moe",
         ERNIE | {"moe_layer_start_index": 2, "moe_layer_end_index": 6, "moe_layer_interval": 2}, 4_194_568),
        ("exaone_moe", {"num_experts": 4}, 4_112_128),
        ("flex_olmo", {"num_experts": 4}, 11_537_664),
        ("glm4_moe", ROUTED | {"use_qk_norm": True}, 4_112_128),
        ("glm4_moe", ROUTED | {"attention_bias": True, "first_k_dense_replace": 3}, 4_211_968),
        ("granitemoe", {"num_local_experts": 4}, 11_534_592),
        ("olmoe", {"num_experts": 4}, 11_537_664),
        ("phimoe", {"num_local_experts": 4}, 11_538_944),
        ("phimoe", {"num_local_experts": 4, "lm_head_bias": True, "attention_bias": True}, 11_546_088),
    ],
)  # fmt: skip
def test_given_a_small_config_when_read_then_its_parameters_are_those_the_library_counts(
    model_type: str, changes: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device, tied weights once
    config = {"model_type": model_type, **SMALL, **changes}
    inventory, relevant = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_dense_layers_first_when_read_then_both_kinds_are_numbered() -> None:
    inventory = read({"model_type": "glm4_moe", **SMALL, **ROUTED, "first_k_dense_replace": 3})
    numbers = {tensor.name: tensor.layers for tensor in inventory.tensors}
    assert numbers["model.layers.*.mlp.down_proj.weight"] == (0, 1, 2)
    assert numbers["model.layers.*.mlp.gate.weight"] == (3, 4, 5, 6, 7)
    assert inventory.active_parameters < inventory.parameters


@pytest.mark.parametrize(
    ("model_type", "changes", "code"),
    [
        ("glm4_moe", {"n_routed_experts": 1}, "contradiction"),
        ("glm4_moe", {"n_routed_experts": None}, "missing-hyperparameter"),
        ("ernie4_5_moe", ERNIE | {"use_bias": True}, "unknown-architecture"),
        ("exaone_moe", {"num_experts": 4, "mlp_layer_types": ["dense"]}, "contradiction"),
    ],
)
def test_given_an_unusable_mixture_when_read_then_an_input_error_says_why(
    model_type: str, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(InputError) as caught:
        read({"model_type": model_type, **SMALL, **changes})
    assert code in {problem.code for problem in caught.value.problems}


def test_given_a_config_without_layers_when_read_then_they_are_asked_for_once() -> None:
    with pytest.raises(InputError) as caught:
        read({"model_type": "qwen3_moe"})
    paths = [problem.path for problem in caught.value.problems]
    assert paths.count("architecture.config.num_hidden_layers") == 1
