"""Kimi-K2.5: its decoder as `latent` reads it, with the vision tower before it."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import TensorRole
from ai_on_eks.errors import InputError

TEXT: dict[str, Any] = {
    "model_type": "kimi_k2", "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
    "num_hidden_layers": 61, "num_attention_heads": 64, "n_routed_experts": 384, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "first_k_dense_replace": 1, "q_lora_rank": 1536, "kv_lora_rank": 512,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 163840,
    "max_position_embeddings": 262144, "num_nextn_predict_layers": 0,
}  # fmt: skip
VISION: dict[str, Any] = {
    "init_pos_emb_height": 64, "init_pos_emb_width": 64, "merge_kernel_size": [2, 2], "patch_size": 14,
    "vt_hidden_size": 1152, "vt_intermediate_size": 4304, "vt_num_hidden_layers": 27,
}  # fmt: skip
KIMI: dict[str, Any] = {"model_type": "kimi_k25", "text_config": TEXT, "vision_config": VISION}


def test_given_a_published_config_when_read_then_decoder_and_tower_are_those_transformers_counts() -> None:
    inventory, _ = relevant_hyperparameters(KIMI)
    # counted with transformers 5.23.0 on the meta device
    assert inventory.parameters == 1_026_879_353_328
    tower = sum(tensor.parameters for tensor in inventory.tensors if tensor.role is TensorRole.VISION)
    assert inventory.parameters - tower == 1_026_408_209_408
    assert not any(tensor.quantizable for tensor in inventory.tensors if tensor.role is TensorRole.VISION)


def test_given_a_tower_then_tokens_of_text_do_not_pass_it() -> None:
    inventory, _ = relevant_hyperparameters(KIMI)
    alone, _ = relevant_hyperparameters(TEXT)
    assert (inventory.operations, inventory.states) == (alone.operations, alone.states)
    (encoder,) = inventory.encoders
    assert encoder.handed == 7168
    # 4 patches of 27 layers' matrices, and the projector of one token
    block = 4 * 1152 * 1152 + 2 * 1152 * 4304
    assert encoder.operations.per_item == 2 * (4 * (27 * block + 3 * 14 * 14 * 1152) + 4608 * 4608 + 7168 * 4608)


def test_given_names_as_transformers_writes_them_then_the_tower_is_the_same() -> None:
    renamed = {key.removeprefix("vt_"): value for key, value in VISION.items()}
    text = {**TEXT, "model_type": "deepseek_v3"}
    inventory, _ = relevant_hyperparameters({**KIMI, "text_config": text, "vision_config": renamed})
    assert inventory == relevant_hyperparameters(KIMI)[0]


def test_given_what_was_read_when_read_again_then_nothing_is_lost() -> None:
    inventory, relevant = relevant_hyperparameters(KIMI)
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_a_part_that_is_missing_then_it_is_asked_for() -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters({"model_type": "kimi_k25", "text_config": TEXT})
    paths = {problem.path for problem in caught.value.problems}
    assert "architecture.config.vision_config" in paths
