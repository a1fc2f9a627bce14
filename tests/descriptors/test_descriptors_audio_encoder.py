"""Encoders of raw sound: exact totals, and what a frame takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.errors import InputError

COUNTED: list[tuple[dict[str, Any], int]] = [
    ({"model_type": "wav2vec2",
 "architectures": ["Wav2Vec2ForCTC"],
 "hidden_size": 256,
 "num_attention_heads": 4,
 "num_hidden_layers": 5,
 "intermediate_size": 300,
 "vocab_size": 55,
 "conv_bias": True,
 "feat_extract_norm": "group",
 "do_stable_layer_norm": False,
 "num_conv_pos_embeddings": 128,
 "num_conv_pos_embedding_groups": 16,
 "mask_time_prob": 0.05,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 256,
 "adapter_attn_dim": None}, 6_967_699),
    ({"model_type": "wav2vec2",
 "architectures": ["Wav2Vec2ForSequenceClassification"],
 "hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 5,
 "intermediate_size": 300,
 "vocab_size": 55,
 "conv_bias": False,
 "feat_extract_norm": "group",
 "do_stable_layer_norm": True,
 "num_conv_pos_embeddings": 64,
 "num_conv_pos_embedding_groups": 16,
 "mask_time_prob": 0.05,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": True,
 "classifier_proj_size": 256,
 "adapter_attn_dim": None}, 5_085_732),
    ({"model_type": "wav2vec2",
 "architectures": ["Wav2Vec2Model"],
 "hidden_size": 256,
 "num_attention_heads": 4,
 "num_hidden_layers": 5,
 "intermediate_size": 512,
 "vocab_size": 55,
 "conv_bias": True,
 "feat_extract_norm": "group",
 "do_stable_layer_norm": False,
 "num_conv_pos_embeddings": 64,
 "num_conv_pos_embedding_groups": 16,
 "mask_time_prob": 0.05,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 256,
 "adapter_attn_dim": None}, 7_235_136),
    ({"model_type": "hubert",
 "architectures": ["HubertForCTC"],
 "hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 5,
 "intermediate_size": 300,
 "vocab_size": 32,
 "conv_bias": False,
 "feat_extract_norm": "group",
 "do_stable_layer_norm": True,
 "num_conv_pos_embeddings": 64,
 "num_conv_pos_embedding_groups": 8,
 "mask_time_prob": 0.05,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 256,
 "feat_proj_layer_norm": False}, 5_120_828),
    ({"model_type": "hubert",
 "architectures": ["HubertForSequenceClassification"],
 "hidden_size": 256,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "intermediate_size": 512,
 "vocab_size": 32,
 "conv_bias": False,
 "feat_extract_norm": "layer",
 "do_stable_layer_norm": False,
 "num_conv_pos_embeddings": 64,
 "num_conv_pos_embedding_groups": 8,
 "mask_time_prob": 0.0,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 256,
 "feat_proj_layer_norm": True}, 5_984_578),
    ({"model_type": "hubert",
 "architectures": ["HubertModel"],
 "hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "intermediate_size": 512,
 "vocab_size": 32,
 "conv_bias": False,
 "feat_extract_norm": "layer",
 "do_stable_layer_norm": True,
 "num_conv_pos_embeddings": 128,
 "num_conv_pos_embedding_groups": 16,
 "mask_time_prob": 0.0,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 256,
 "feat_proj_layer_norm": False}, 4_800_384),
    ({"model_type": "wav2vec2",
 "architectures": ["Wav2Vec2ForCTC"],
 "hidden_size": 256,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "intermediate_size": 512,
 "vocab_size": 55,
 "conv_bias": True,
 "feat_extract_norm": "group",
 "do_stable_layer_norm": True,
 "num_conv_pos_embeddings": 128,
 "num_conv_pos_embedding_groups": 8,
 "mask_time_prob": 0.0,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 99,
 "adapter_attn_dim": None}, 6_454_199),
    ({"model_type": "wav2vec2",
 "architectures": ["Wav2Vec2ForSequenceClassification"],
 "hidden_size": 256,
 "num_attention_heads": 4,
 "num_hidden_layers": 5,
 "intermediate_size": 512,
 "vocab_size": 55,
 "conv_bias": True,
 "feat_extract_norm": "group",
 "do_stable_layer_norm": True,
 "num_conv_pos_embeddings": 64,
 "num_conv_pos_embedding_groups": 8,
 "mask_time_prob": 0.0,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 256,
 "adapter_attn_dim": None}, 7_563_330),
    ({"model_type": "wav2vec2",
 "architectures": ["Wav2Vec2Model"],
 "hidden_size": 256,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "intermediate_size": 512,
 "vocab_size": 55,
 "conv_bias": False,
 "feat_extract_norm": "layer",
 "do_stable_layer_norm": False,
 "num_conv_pos_embeddings": 128,
 "num_conv_pos_embedding_groups": 16,
 "mask_time_prob": 0.05,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 99,
 "adapter_attn_dim": None}, 5_918_592),
    ({"model_type": "hubert",
 "architectures": ["HubertForCTC"],
 "hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "intermediate_size": 512,
 "vocab_size": 32,
 "conv_bias": False,
 "feat_extract_norm": "group",
 "do_stable_layer_norm": True,
 "num_conv_pos_embeddings": 128,
 "num_conv_pos_embedding_groups": 8,
 "mask_time_prob": 0.0,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 99,
 "feat_proj_layer_norm": False}, 4_929_440),
    ({"model_type": "hubert",
 "architectures": ["HubertForSequenceClassification"],
 "hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 5,
 "intermediate_size": 300,
 "vocab_size": 55,
 "conv_bias": False,
 "feat_extract_norm": "layer",
 "do_stable_layer_norm": True,
 "num_conv_pos_embeddings": 128,
 "num_conv_pos_embedding_groups": 8,
 "mask_time_prob": 0.0,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 99,
 "feat_proj_layer_norm": False}, 5_266_823),
    ({"model_type": "hubert",
 "architectures": ["HubertModel"],
 "hidden_size": 256,
 "num_attention_heads": 4,
 "num_hidden_layers": 5,
 "intermediate_size": 300,
 "vocab_size": 55,
 "conv_bias": True,
 "feat_extract_norm": "layer",
 "do_stable_layer_norm": False,
 "num_conv_pos_embeddings": 64,
 "num_conv_pos_embedding_groups": 16,
 "mask_time_prob": 0.0,
 "mask_feature_prob": 0.0,
 "use_weighted_layer_sum": False,
 "classifier_proj_size": 256,
 "feat_proj_layer_norm": True}, 6_697_244),
]  # fmt: skip
"""Counted with transformers 5.23.0 on the meta device."""


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


def problems(config: dict[str, Any], **changes: Any) -> set[tuple[str, str | None]]:
    with pytest.raises(InputError) as caught:
        read(config, **changes)
    return {(problem.code, problem.path) for problem in caught.value.problems}


@pytest.mark.parametrize(("config", "parameters"), COUNTED, ids=lambda one: str(one)[:60])
def test_given_a_config_when_read_then_every_parameter_is_counted(config: dict[str, Any], parameters: int) -> None:
    inventory, kept = relevant_hyperparameters(config)
    assert inventory.parameters == parameters
    assert relevant_hyperparameters(kept)[0] == inventory


BASE: dict[str, Any] = {
    "model_type": "wav2vec2", "architectures": ["Wav2Vec2ForCTC"], "hidden_size": 768, "num_hidden_layers": 12,
    "num_attention_heads": 12, "intermediate_size": 3072,
}  # fmt: skip


def test_given_wav2vec2_base_when_read_then_the_published_count(shared: Path) -> None:
    config = json.loads((shared / "truth" / "configs" / "facebook__wav2vec2-base-960h.json").read_text("utf-8"))
    assert read(config).parameters == read(BASE).parameters == 94_396_320


def test_given_a_frame_when_it_is_encoded_then_it_costs_the_front_at_its_own_rate() -> None:
    places = (64, 32, 16, 8, 4, 2, 1)  # of 320 samples, after strides of 5, 2, 2, 2, 2, 2, 2
    weights = (512 * 10, *[512 * 512 * 3] * 4, *[512 * 512 * 2] * 2)
    front = sum(2 * count * place for count, place in zip(weights, places, strict=True))
    behind = 512 * 768 + 768 * 48 * 128 + 12 * (4 * 768**2 + 2 * 768 * 3072) + 32 * 768
    inventory = read(BASE)
    assert inventory.item is Item.TOKEN
    assert inventory.operations.per_item == front + 2 * behind
    assert inventory.operations.per_item_and_context_token == 4 * 12 * 768
    assert inventory.activations.per_item == 2 * 64 * 512


def test_given_masking_switched_off_when_read_then_its_vector_is_gone() -> None:
    assert read(BASE).parameters - read(BASE, mask_time_prob=0.0).parameters == 768


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"add_adapter": True}, "add_adapter"),
        (
            {"model_type": "hubert", "architectures": ["HubertForCTC"], "conv_pos_batch_norm": True},
            "conv_pos_batch_norm",
        ),
        ({"model_type": "hubert", "architectures": ["HubertForPreTraining"]}, "architectures"),
    ],
)
def test_given_a_variant_that_is_not_counted_when_read_then_it_is_refused(changes: dict[str, Any], key: str) -> None:
    assert problems(BASE, **changes) == {("unknown-architecture", f"architecture.config.{key}")}


def test_given_lists_of_different_lengths_when_read_then_the_contradiction_is_told() -> None:
    assert problems(BASE, conv_stride=[5, 2]) == {("contradiction", "architecture.config.conv_stride")}
