"""Kimi-Linear and Kimi-K3: linear beside latent attention, experts in a space of their own, block residuals."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, RecurrentState, Sharding, TensorRole
from ai_on_eks.errors import InputError


def kinds(latent: list[int], layers: int) -> dict[str, list[int]]:
    return {"full_attn_layers": latent, "kda_layers": [one for one in range(1, layers + 1) if one not in latent]}


LINEAR: dict[str, Any] = {
    "model_type": "kimi_linear", "vocab_size": 163840, "hidden_size": 2304, "intermediate_size": 9216,
    "moe_intermediate_size": 1024, "num_hidden_layers": 27, "num_attention_heads": 32, "q_lora_rank": None,
    "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "num_experts": 256,
    "num_experts_per_token": 8, "num_shared_experts": 1, "first_k_dense_replace": 1, "model_max_length": 1048576,
    "linear_attn_config": {
        "head_dim": 128, "num_heads": 32, "short_conv_kernel_size": 4, **kinds([5, 9, 13, 17, 21, 25], 27),
    },
}  # fmt: skip
K3_TEXT = LINEAR | {
    "hidden_size": 7168, "intermediate_size": 33792, "moe_intermediate_size": 3072, "num_hidden_layers": 93,
    "num_attention_heads": 96, "q_lora_rank": 1536, "num_experts": 896, "num_experts_per_token": 16,
    "num_shared_experts": 2, "routed_expert_hidden_size": 3584, "latent_moe_use_norm": True, "attn_res_block_size": 12,
    "mla_use_output_gate": True,
    "linear_attn_config": {
        "head_dim": 128, "num_heads": 96, "short_conv_kernel_size": 4, "use_full_rank_gate": True,
        **kinds([*range(4, 93, 4), 93], 93),
    },
}  # fmt: skip
K3: dict[str, Any] = {
    "model_type": "kimi_k3",
    "text_config": K3_TEXT,
    "vision_config": {
        "vt_hidden_size": 1024, "qkv_hidden_size": 1536, "vt_intermediate_size": 4096, "vt_num_hidden_layers": 27,
        "merge_kernel_size": [2, 2], "mm_projector_type": "patchmergerv2", "norm_type": "rmsnorm",
    },
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def size(inventory: Inventory, part: str) -> int:
    return sum(tensor.parameters for tensor in inventory.tensors if part in tensor.name)


def test_given_the_published_dimensions_when_read_then_its_parameters_are_those_transformers_counts() -> None:
    # the class defaults of KimiLinearConfig, counted with transformers 5.23.0 on the meta device
    assert read(LINEAR).parameters == 49_133_074_464


def test_given_a_sequence_then_linear_layers_keep_a_state_and_the_others_a_latent() -> None:
    latent, recurrent, convolution = read(LINEAR).states
    assert isinstance(latent, KeyValueState)
    assert (latent.elements_per_token, latent.is_replicated) == (6 * 576, True)
    assert isinstance(recurrent, RecurrentState)
    assert (recurrent.elements_per_sequence, recurrent.bits, recurrent.heads) == (21 * 32 * 128 * 128, 32, 32)
    assert isinstance(convolution, RecurrentState)
    assert (convolution.elements_per_sequence, convolution.bits) == (21 * 3 * 32 * 128 * 3, None)


def test_given_kimi_k3_then_every_part_has_the_shape_that_vllm_gives_it() -> None:
    inventory = read(K3)
    # shapes of models/kimi_k3/nvidia of vLLM 0.33.0, multiplied out
    experts = 92 * 896 * 3 * 3072 * 3584
    assert size(inventory, ".experts.") == experts
    assert size(inventory, ".routed_expert_") == 92 * (2 * 7168 * 3584 + 3584)
    assert size(inventory, ".shared_experts.") == 92 * 3 * 7168 * 2 * 3072
    assert size(inventory, ".g_proj.") == 69 * 12288 * 7168 + 24 * 96 * 128 * 7168
    assert size(inventory, "_res_") == 93 * 4 * 7168 + 2 * 7168
    delta = 5 * 12288 * 7168 + 3 * 12288 * 4 + 128 * 7168 + 12288 * 128 + 12288 + 96 + 96 * 7168 + 128
    latent = 1536 * 7168 + 1536 + 18432 * 1536 + 576 * 7168 + 512 + 24576 * 512 + 2 * 7168 * 12288
    assert size(inventory, ".self_attn.") == 69 * delta + 24 * latent
    tower = sum(tensor.parameters for tensor in inventory.tensors if tensor.role is TensorRole.VISION)
    block = 4 * 1536 * 1024 + 2 * 1024 * 4096 + 2 * 1024
    assert tower == 27 * block + 1024 * (3 * 14 * 14 + 64 * 64 + 1) + 4096 * 4096 + 7168 * 4096 + 7168


def test_given_experts_in_a_smaller_space_then_only_they_are_divided_and_quantized() -> None:
    tensors = {tensor.name: tensor for tensor in read(K3).tensors}
    prefix = "language_model.model.layers.*.block_sparse_moe"
    expert, into = tensors[f"{prefix}.experts.*.w1.weight"], tensors[f"{prefix}.routed_expert_down_proj.weight"]
    assert (expert.shape, expert.sharding, expert.quantizable) == ((3072, 3584), Sharding.SPLIT, True)
    assert (into.shape, into.sharding, into.quantizable) == ((3584, 7168), Sharding.REPLICATED, False)


def test_given_block_residuals_then_every_kept_block_is_alive_with_the_hidden_state() -> None:
    with_them, without = read(K3_TEXT), read(K3_TEXT, attn_res_block_size=None)
    assert with_them.activations.per_item - without.activations.per_item == 8 * 7168


def test_given_what_was_read_when_read_again_then_nothing_is_lost() -> None:
    for config in (LINEAR, K3):
        inventory, relevant = relevant_hyperparameters(config)
        assert relevant_hyperparameters(relevant)[0] == inventory


@pytest.mark.parametrize(
    ("changes", "code", "key"),
    [
        ({"linear_attn_config": {**LINEAR["linear_attn_config"], "kda_layers": [1]}}, "contradiction", "kda_layers"),
        ({"linear_attn_config": None}, "missing-hyperparameter", ""),
        ({"attention_bias": True}, "unknown-architecture", "attention_bias"),
        ({"num_nextn_predict_layers": 1}, "unknown-architecture", "num_nextn_predict_layers"),
        ({"num_experts_per_token": 257}, "contradiction", "num_experts_per_token"),
    ],
)
def test_given_a_variant_that_is_not_known_then_it_is_refused(changes: dict[str, Any], code: str, key: str) -> None:
    with pytest.raises(InputError) as caught:
        read(LINEAR, **changes)
    assert any(problem.code == code and (problem.path or "").endswith(key) for problem in caught.value.problems)
