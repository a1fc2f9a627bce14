"""Multi-head latent attention: exact totals, what one token passes and leaves, and what every rank holds whole."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding, Tensor
from ai_on_eks.errors import InputError

V3: dict[str, Any] = {
    "model_type": "deepseek_v3", "hidden_size": 7168, "intermediate_size": 18432, "moe_intermediate_size": 2048,
    "num_hidden_layers": 61, "num_attention_heads": 128, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "first_k_dense_replace": 3, "moe_layer_freq": 1, "q_lora_rank": 1536,
    "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 129280,
    "max_position_embeddings": 163840, "num_nextn_predict_layers": 1,
}  # fmt: skip
V2_LITE: dict[str, Any] = {
    "model_type": "deepseek_v2", "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408,
    "num_hidden_layers": 27, "num_attention_heads": 16, "n_routed_experts": 64, "n_shared_experts": 2,
    "num_experts_per_tok": 6, "first_k_dense_replace": 1, "q_lora_rank": None, "kv_lora_rank": 512,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "vocab_size": 102400,
    "max_position_embeddings": 163840,
}  # fmt: skip
V32 = V3 | {"model_type": "deepseek_v32", "index_head_dim": 128, "index_n_heads": 64, "index_topk": 2048}
K2 = V3 | {
    "model_type": "kimi_k2", "num_attention_heads": 64, "n_routed_experts": 384, "first_k_dense_replace": 1,
    "vocab_size": 163840, "max_position_embeddings": 131072, "num_nextn_predict_layers": 0,
}  # fmt: skip
GLM_5: dict[str, Any] = {
    "model_type": "glm_moe_dsa", "hidden_size": 6144, "intermediate_size": 12288, "moe_intermediate_size": 2048,
    "num_hidden_layers": 78, "num_attention_heads": 64, "n_routed_experts": 256, "n_shared_experts": 1,
    "num_experts_per_tok": 8, "first_k_dense_replace": 3, "q_lora_rank": 2048, "kv_lora_rank": 512,
    "qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "v_head_dim": 256, "vocab_size": 154880,
    "max_position_embeddings": 202752, "num_nextn_predict_layers": 1, "index_head_dim": 128, "index_n_heads": 32,
    "index_topk": 2048,
}  # fmt: skip
GLM_FLASH: dict[str, Any] = {
    "model_type": "glm4_moe_lite", "hidden_size": 2048, "intermediate_size": 10240, "moe_intermediate_size": 1536,
    "num_hidden_layers": 47, "num_attention_heads": 20, "n_routed_experts": 64, "n_shared_experts": 1,
    "num_experts_per_tok": 4, "q_lora_rank": 768, "kv_lora_rank": 512, "qk_nope_head_dim": 192,
    "qk_rope_head_dim": 64, "v_head_dim": 256, "vocab_size": 154880, "max_position_embeddings": 202752,
}  # fmt: skip

MINICPM: dict[str, Any] = {
    "model_type": "minicpm3", "hidden_size": 2560, "intermediate_size": 6400, "num_hidden_layers": 62,
    "num_attention_heads": 40, "q_lora_rank": 768, "kv_lora_rank": 256, "qk_nope_head_dim": 64,
    "qk_rope_head_dim": 32, "v_head_dim": 64, "vocab_size": 73448, "max_position_embeddings": 32768,
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def problems(config: dict[str, Any], **changes: Any) -> set[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        read(config, **changes)
    return {(problem.code, problem.path) for problem in caught.value.problems}


def named(inventory: Inventory, ending: str) -> Tensor:
    (found,) = [tensor for tensor in inventory.tensors if tensor.name.endswith(ending)]
    return found


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (V2_LITE, 15_706_484_224),
        (V3, 671_026_404_352),
        (V32, 671_877_929_216),
        (K2, 1_026_408_209_408),
        (GLM_5, 743_911_199_232),
        (GLM_FLASH, 29_943_390_976),
        (MINICPM, 4_073_875_968),
    ],
)
def test_given_a_published_config_when_read_then_its_parameters_are_those_transformers_counts(
    config: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device
    assert read(config).parameters == parameters


@pytest.mark.parametrize(("config", "parameters"), [(V3, 37_552_282_624), (V32, 38_403_807_488), (K2, 32_861_477_888)])
def test_given_experts_when_one_token_passes_then_only_the_chosen_count(
    config: dict[str, Any], parameters: int
) -> None:
    # counted with transformers 5.23.0 on the meta device, embeddings included
    assert read(config).active_parameters == parameters


def test_given_latent_attention_then_a_token_leaves_one_entry_without_heads_on_every_rank() -> None:
    (state,) = read(V3).states
    assert isinstance(state, KeyValueState)
    assert (state.layers, state.key_value_heads, state.is_replicated) == (61, 1, True)
    assert state.elements_per_token == 61 * (512 + 64)


def test_given_minicpm3_then_every_head_keeps_its_expanded_key_and_a_value_as_long() -> None:
    inventory = read(MINICPM)
    (state,) = inventory.states
    assert isinstance(state, KeyValueState)
    assert (state.key_value_heads, state.is_replicated) == (40, False)
    assert state.elements_per_token == 62 * 40 * 2 * (64 + 32)
    assert inventory.key_value_heads == 40


def test_given_an_indexer_then_its_keys_are_kept_in_fp8_with_a_scale() -> None:
    _, keys = read(V32).states
    assert isinstance(keys, KeyValueState)
    # 128 bytes of FP8 and one float32 for them: 132 bytes (vLLM 0.33.0, DeepseekV32IndexerCache)
    assert (keys.elements_per_token, keys.bits, keys.is_replicated) == (61 * 132, 8, True)


def test_given_shared_indexers_then_only_the_full_ones_have_weights_and_keys() -> None:
    by_rule = read(GLM_5, index_topk_freq=4, index_skip_topk_offset=3)
    kinds = ["full"] * 3 + (["shared"] * 3 + ["full"]) * 18 + ["shared"] * 3
    by_kinds = read(GLM_5, indexer_types=kinds)
    by_pattern = read(GLM_5, index_topk_pattern="".join(kind[0].upper() for kind in kinds))
    # GLM-5.2, counted with transformers 5.23.0 on the meta device
    assert by_rule.parameters == by_kinds.parameters == by_pattern.parameters == 743_377_000_704
    assert named(by_kinds, "indexer.wk.weight").layers == (0, 1, 2, *range(6, 78, 4))
    assert by_rule.states == by_kinds.states
    assert {state.layers for state in by_rule.states if state.name == "indexer keys"} == {21}


def test_given_layers_that_predict_further_tokens_then_they_are_on_disk_and_nowhere_else() -> None:
    with_them, without = read(V3), read(V3, num_nextn_predict_layers=0)
    assert (with_them.tensors, with_them.operations) == (without.tensors, without.operations)
    assert without.unserved_tensors == ()
    # the 684.5 B parameters of the published files (deepseek-ai/DeepSeek-V3, 2026-11-23): 61st layer, embedding, head
    unserved = sum(tensor.parameters for tensor in with_them.unserved_tensors)
    assert with_them.parameters + unserved == 684_489_830_400
    assert {tensor.layers for tensor in with_them.unserved_tensors} == {(61,)}


def test_given_the_layers_of_glm_that_predict_then_they_repeat_neither_embedding_nor_head() -> None:
    names = {tensor.name for tensor in read(GLM_5).unserved_tensors}
    assert "model.layers.*.eh_proj.weight" in names
    assert not {name for name in names if "embed_tokens" in name or "shared_head.head" in name}


def test_given_tensor_parallelism_then_what_makes_the_low_ranks_is_whole_and_what_leaves_them_divided() -> None:
    inventory = read(V32)
    whole = ("q_a_proj.weight", "kv_a_proj_with_mqa.weight", "indexer.wq_b.weight", "indexer.wk.weight", "gate.weight")
    divided = ("q_b_proj.weight", "kv_b_proj.weight", "o_proj.weight", "shared_experts.up_proj.weight")
    assert {named(inventory, ending).sharding for ending in whole} == {Sharding.REPLICATED}
    assert {named(inventory, ending).sharding for ending in divided} == {Sharding.SPLIT}


def test_given_dense_first_layers_then_every_tensor_knows_its_layers() -> None:
    inventory = read(V3)
    assert named(inventory, "layers.*.mlp.gate_proj.weight").layers == (0, 1, 2)
    assert named(inventory, "mlp.gate.weight").layers == tuple(range(3, 61))
    listed = read(GLM_5, mlp_layer_types=["sparse"] * 77 + ["dense"])
    assert named(listed, "layers.*.mlp.gate_proj.weight").layers == (77,)
    every_other = read(V3, moe_layer_freq=2)
    assert named(every_other, "mlp.gate.weight").layers == tuple(range(4, 61, 2))


def test_given_dense_attention_then_operations_grow_by_expanded_keys_and_values() -> None:
    operations = read(V3).operations
    assert operations.per_item_and_context_token == 61 * 2 * 128 * (128 + 64 + 128)
    matrices = 37_552_282_624 - 129280 * 7168  # the embedding is looked up
    assert operations.per_item == pytest.approx(2 * matrices, rel=1e-4)


def test_given_sparse_attention_then_operations_stop_growing_but_for_the_indexer() -> None:
    operations = read(V32).operations
    assert operations.per_item_and_context_token == 61 * 2 * 64 * 128
    growth = operations.attending(100_000) - operations.attending(50_000)
    assert growth == 50_000 * operations.per_item_and_context_token
    assert operations.windowed == ((61 * 2 * 128 * (512 + 64 + 512), 2048),)


def test_given_what_was_read_when_read_again_then_nothing_is_lost() -> None:
    for config in (V2_LITE, V3, V32, K2, GLM_5, GLM_FLASH, MINICPM):
        inventory, relevant = relevant_hyperparameters(config)
        assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_a_config_that_does_not_say_its_query_rank_then_it_is_asked_for() -> None:
    incomplete = {key: value for key, value in V2_LITE.items() if key != "q_lora_rank"}
    assert problems(incomplete) == {("missing-hyperparameter", "architecture.config.q_lora_rank")}


@pytest.mark.parametrize(
    ("changes", "code", "key"),
    [
        ({"attention_bias": True}, "unknown-architecture", "attention_bias"),
        ({"num_hidden_layers": 10**8}, "out-of-range", "num_hidden_layers"),
        ({"num_experts_per_tok": 257}, "contradiction", "num_experts_per_tok"),
        ({"q_lora_rank": None}, "unknown-architecture", "q_lora_rank"),
        ({"mlp_layer_types": ["dense"]}, "contradiction", "mlp_layer_types"),
        ({"indexer_types": ["full"]}, "contradiction", "indexer_types"),
        ({"index_topk_pattern": "FSX"}, "unknown-architecture", "index_topk_pattern"),
    ],
)
def test_given_a_variant_that_is_not_known_then_it_is_refused(changes: dict[str, Any], code: str, key: str) -> None:
    assert (code, f"architecture.config.{key}") in problems(GLM_5, **changes)
