"""DeBERTa, ModernBERT and ViT: exact parameters, operations, activations, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import build_inventory, relevant_hyperparameters
from ai_on_eks.descriptors.describe import describe
from ai_on_eks.descriptors.inventory import Inventory, Item, TensorRole
from ai_on_eks.descriptors.schema import Family
from ai_on_eks.errors import InputError

DEBERTA: dict[str, Any] = {
    "model_type": "deberta-v2", "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
    "num_attention_heads": 12, "vocab_size": 128100, "max_position_embeddings": 512, "position_buckets": 256,
    "relative_attention": True, "position_biased_input": False, "norm_rel_ebd": "layer_norm", "share_att_key": True,
    "pos_att_type": "p2c|c2p",
}  # fmt: skip
DEBERTA_LARGE = DEBERTA | {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16,
}  # fmt: skip
MODERNBERT: dict[str, Any] = {
    "model_type": "modernbert", "hidden_size": 768, "intermediate_size": 1152, "num_hidden_layers": 22,
    "num_attention_heads": 12, "vocab_size": 50368, "max_position_embeddings": 8192,
}  # fmt: skip
VIT: dict[str, Any] = {
    "model_type": "vit", "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
    "num_attention_heads": 12, "image_size": 224, "patch_size": 16, "num_labels": 1000,
    "architectures": ["ViTForImageClassification"],
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (DEBERTA, 183_831_552),
        (DEBERTA | {"pos_att_type": ["p2c", "c2p"]}, 183_831_552),
        (DEBERTA | {"num_hidden_layers": 6}, 141_304_320),
        (DEBERTA_LARGE, 434_012_160),
        (DEBERTA | {"norm_rel_ebd": "none"}, 183_831_552 - 2 * 768),
        (DEBERTA | {"position_biased_input": True}, 183_831_552 + 512 * 768),
        (DEBERTA | {"type_vocab_size": 2}, 183_831_552 + 2 * 768),
        (DEBERTA | {"position_buckets": -1}, 183_831_552 + 512 * 768),
        (DEBERTA | {"position_buckets": -1, "max_relative_positions": 128}, 183_831_552 - 256 * 768),
        (DEBERTA | {"share_att_key": False}, 183_831_552 + 12 * 2 * 768 * 769),
        (DEBERTA | {"share_att_key": False, "pos_att_type": "c2p"}, 183_831_552 + 12 * 768 * 769),
        (DEBERTA | {"relative_attention": False}, 183_831_552 - 512 * 768),
        (DEBERTA | {"conv_kernel_size": 3}, 183_831_552 + 3 * 768**2 + 3 * 768),
        (DEBERTA | {"conv_kernel_size": 3, "conv_groups": 2}, 183_831_552 + 3 * 768 * 384 + 3 * 768),
        (DEBERTA | {"architectures": ["DebertaV2ForMaskedLM"]}, 183_831_552 + 768 * 769 + 2 * 768 + 128100),
        (DEBERTA | {"architectures": ["XForSequenceClassification"]}, 183_831_552 + 768 * 769 + 2 * 769),
        (DEBERTA | {"architectures": ["XForTokenClassification"], "num_labels": 9}, 183_831_552 + 9 * 769),
        (MODERNBERT, 149_014_272),
        (MODERNBERT | {"architectures": ["ModernBertForMaskedLM"]}, 149_655_232),
        (
            MODERNBERT | {"architectures": ["ModernBertForMaskedLM"], "tie_word_embeddings": False},
            149_655_232 + 50368 * 768,
        ),
        (MODERNBERT | {"architectures": ["XForSequenceClassification"]}, 149_014_272 + 768**2 + 768 + 2 * 769),
        (
            MODERNBERT | {"architectures": ["XForSequenceClassification"], "classifier_bias": True},
            149_014_272 + 768**2 + 2 * 768 + 2 * 769,
        ),
        (
            MODERNBERT
            | {"hidden_size": 1024, "intermediate_size": 2624, "num_hidden_layers": 28, "num_attention_heads": 16},
            394_781_696,
        ),
        (MODERNBERT | {"norm_bias": True}, 149_014_272 + 45 * 768),
        (MODERNBERT | {"attention_bias": True}, 149_014_272 + 22 * 4 * 768),
        (MODERNBERT | {"mlp_bias": True}, 149_014_272 + 22 * (2 * 1152 + 768)),
        (MODERNBERT | {"num_hidden_layers": 1}, 149_014_272 - 21 * (4 * 768**2 + 3 * 768 * 1152 + 2 * 768)),
        (VIT, 86_567_656),
        (VIT | {"architectures": ["ViTModel"]}, 86_567_656 - 1000 * 769 + 768 * 769),
        (VIT | {"architectures": ["ViTModel"], "pooler_output_size": 512}, 86_567_656 - 488 * 769),
        (VIT | {"qkv_bias": False}, 86_567_656 - 12 * 3 * 768),
        (VIT | {"image_size": 384}, 86_567_656 + (576 - 196) * 768),
        (VIT | {"num_channels": 1}, 86_567_656 - 2 * 256 * 768),
        (VIT | {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16},
         304_326_632),
        (
            VIT | {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 16,
                   "patch_size": 14, "architectures": ["ViTModel"]},
            632_404_480,
        ),
    ],
)  # fmt: skip
def test_given_published_hyperparameters_when_read_then_the_parameters_are_exact(
    config: dict[str, Any], parameters: int
) -> None:
    assert read(config).parameters == parameters


def test_given_relative_positions_when_read_then_their_scores_cost_per_token_and_their_own_matrices_nothing() -> None:
    layers = 2 * 12 * 12 * 768**2
    assert read(DEBERTA).operations.per_item == layers + 2 * 2 * 512 * 768 * 12
    assert read(DEBERTA, share_att_key=False).operations == read(DEBERTA).operations
    assert read(DEBERTA, pos_att_type=None).operations.per_item == layers
    assert read(DEBERTA, relative_attention=False).operations.per_item == layers
    assert read(DEBERTA).operations.per_item_and_context_token == 4 * 12 * 768


def test_given_stored_scores_when_read_then_they_are_counted_for_the_longest_text_and_named() -> None:
    inventory = read(DEBERTA)
    assert inventory.activations.per_item == 5 * 768 + 12 * (2 * 512 + 512)
    assert "512" in inventory.estimated[0]


def test_given_local_attention_when_read_then_the_upper_bound_is_named() -> None:
    inventory = read(MODERNBERT)
    assert inventory.operations.per_item == 2 * 22 * (4 * 768**2 + 3 * 768 * 1152)
    assert inventory.operations.per_item_and_context_token == 4 * 22 * 768
    assert inventory.activations.per_item == 768 + max(3 * 1152, 4 * 768)
    assert "128" in inventory.estimated[0]
    assert inventory.max_context_tokens == 8192


def test_given_an_image_of_patches_when_read_then_the_whole_image_is_one_item() -> None:
    inventory = read(VIT)
    tokens = 14 * 14 + 1
    layers = 12 * 12 * 768**2
    assert inventory.item is Item.IMAGE
    assert inventory.operations.per_item == 2 * (196 * 768**2 + tokens * layers + 1000 * 768) + 4 * 12 * tokens**2 * 768
    assert inventory.operations.per_item_and_context_token == 0
    assert inventory.activations.per_item == tokens * (768 + 2 * 3072)
    assert (inventory.max_context_tokens, inventory.states, inventory.estimated) == (None, (), ())


@pytest.mark.parametrize("config", [DEBERTA, MODERNBERT, VIT])
def test_given_any_of_them_when_read_then_only_the_layers_matrices_are_quantizable(config: dict[str, Any]) -> None:
    for tensor in read(config).tensors:
        layers = tensor.role in (TensorRole.ATTENTION, TensorRole.FEED_FORWARD)
        assert tensor.quantizable == (layers and len(tensor.shape) == 2), tensor.name


@pytest.mark.parametrize(
    ("config", "codes"),
    [
        (DEBERTA | {"num_attention_heads": 7}, {"contradiction"}),
        (DEBERTA | {"embedding_size": 512}, {"unknown-architecture"}),
        (DEBERTA | {"attention_head_size": 32}, {"unknown-architecture"}),
        (DEBERTA | {"pos_att_type": 3}, {"wrong-type"}),
        (DEBERTA | {"pos_att_type": [3]}, {"wrong-type"}),
        (DEBERTA | {"norm_rel_ebd": True}, {"wrong-type"}),
        (DEBERTA | {"conv_kernel_size": 3, "conv_groups": 7}, {"contradiction"}),
        (
            DEBERTA | {"architectures": ["XForSequenceClassification"], "pooler_hidden_size": 512},
            {"unknown-architecture"},
        ),
        (MODERNBERT | {"architectures": ["ModernBertForNextSentencePrediction"]}, {"unknown-architecture"}),
        (MODERNBERT | {"local_attention": "x"}, {"wrong-type"}),
        (VIT | {"image_size": None}, {"missing-hyperparameter"}),
        (VIT | {"image_size": [224, 224]}, {"wrong-type"}),
        (VIT | {"patch_size": 256}, {"contradiction"}),
        (VIT | {"image_size": 10**6}, {"contradiction"}),
        (VIT | {"architectures": ["ViTForMaskedImageModeling"]}, {"unknown-architecture"}),
    ],
)
def test_given_an_unusable_config_when_read_then_an_input_error_says_why(
    config: dict[str, Any], codes: set[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(config)
    assert {problem.code for problem in caught.value.problems} == codes
    assert all(problem.fix for problem in caught.value.problems)


def test_given_a_vision_transformer_when_described_then_its_descriptor_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(VIT), encoding="utf-8")
    descriptor = describe(str(tmp_path)).descriptor
    assert (descriptor.architecture.family, descriptor.task) == (Family.TRANSFORMER, "image-classification")
    assert build_inventory(descriptor).parameters == 86_567_656
