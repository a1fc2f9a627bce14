"""Llama 3.2 Vision: exact totals, the cache of the image beside the text's, and what an image costs once."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding
from ai_on_eks.errors import InputError

TEXT: dict[str, Any] = {
    "model_type": "mllama_text_model", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 40,
    "num_attention_heads": 32, "num_key_value_heads": 8, "cross_attention_layers": [3, 8, 13, 18, 23, 28, 33, 38],
    "vocab_size": 128256, "max_position_embeddings": 131072,
}  # fmt: skip
IMAGE: dict[str, Any] = {
    "model_type": "mllama_vision_model", "hidden_size": 1280, "attention_heads": 16, "image_size": 560,
    "patch_size": 14, "intermediate_size": 5120, "num_hidden_layers": 32, "num_global_layers": 8, "max_num_tiles": 4,
    "vision_output_dim": 7680, "intermediate_layers_indices": [3, 7, 15, 23, 30],
    "supported_aspect_ratios": [[1, 1], [1, 2], [1, 3], [1, 4], [2, 1], [2, 2], [3, 1], [4, 1]],
}  # fmt: skip
TILE = (560 // 14) ** 2 + 1


def read(text: dict[str, Any] | None = None, image: dict[str, Any] | None = None, **changes: Any) -> Inventory:
    parts = {"text_config": TEXT | (text or {}), "vision_config": IMAGE | (image or {})}
    config = {"model_type": "mllama", "architectures": ["MllamaForConditionalGeneration"], **parts, **changes}
    return relevant_hyperparameters(config)[0]


def test_given_the_published_11b_model_when_read_then_every_parameter_is_counted() -> None:
    # transformers 5.23.0 on the meta device, and the files of the hub
    assert read().parameters == 10_670_220_835


def test_given_what_was_read_of_it_when_read_again_then_nothing_was_forgotten() -> None:
    config = {"model_type": "mllama", "text_config": TEXT, "vision_config": IMAGE}
    inventory, relevant = relevant_hyperparameters(config)
    assert relevant_hyperparameters(relevant)[0] == inventory


def test_given_layers_that_look_when_read_then_they_keep_the_image_and_the_others_the_text() -> None:
    text, image = read().states
    assert isinstance(text, KeyValueState)
    assert isinstance(image, KeyValueState)
    assert (text.layers, text.key_value_heads, text.key_dimension, text.fixed_tokens) == (32, 8, 128, None)
    assert (image.layers, image.key_value_heads, image.key_dimension, image.fixed_tokens) == (8, 8, 128, 4 * TILE)


def test_given_no_layer_that_looks_when_read_then_only_the_text_is_kept() -> None:
    inventory = read({"cross_attention_layers": []})
    assert [one.layers for one in inventory.states] == [40]
    assert not any("cross_attn" in tensor.name for tensor in inventory.tensors)


def test_given_fewer_layers_than_are_named_when_read_then_those_beyond_count_for_nothing() -> None:
    inventory = read({"num_hidden_layers": 10})
    assert [one.layers for one in inventory.states] == [8, 2]


def test_given_an_image_when_read_then_its_keys_and_values_are_made_once() -> None:
    with_image, without = read(), read({"cross_attention_layers": []})
    made = 2 * 8 * 2 * 1024 * 4096  # keys and values of eight layers, for each token of the image
    sight, blind = with_image.encoders[0].operations, without.encoders[0].operations
    assert sight.per_item - blind.per_item == made
    looked = 4 * 8 * 32 * 128 * 4 * TILE
    keys = 2 * 8 * 2 * 1024 * 4096  # of the text in those layers, were they like the others
    assert with_image.operations.per_item == without.operations.per_item - keys + looked


def test_given_ranks_when_divided_then_keys_of_the_image_are_as_those_of_the_text() -> None:
    tensors = {one.name: one for one in read().tensors}
    assert tensors["language_model.model.layers.*.cross_attn.k_proj.weight"].sharding is Sharding.KEY_VALUE
    assert tensors["language_model.model.layers.*.cross_attn.q_proj.weight"].layers == (3, 8, 13, 18, 23, 28, 33, 38)
    assert tensors["language_model.model.embed_tokens.weight"].shape == (128_264, 4096)
    assert tensors["language_model.lm_head.weight"].shape == (128_256, 4096)


@pytest.mark.parametrize(
    ("text", "image", "path"),
    [
        ({"tie_word_embeddings": True}, {}, "text_config.tie_word_embeddings"),
        ({"num_key_value_heads": 7}, {}, "text_config.num_key_value_heads"),
        ({}, {"vision_output_dim": 1280}, "vision_config.vision_output_dim"),
        ({}, {"attention_heads": 7}, "vision_config.attention_heads"),
        ({}, {"patch_size": 561}, "vision_config.patch_size"),
    ],
)
def test_given_what_does_not_fit_when_read_then_it_is_refused(
    text: dict[str, Any], image: dict[str, Any], path: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(text, image)
    assert [problem.path for problem in caught.value.problems] == [f"architecture.config.{path}"]
