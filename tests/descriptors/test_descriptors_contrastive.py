"""Encoders of images and words into one space: exact totals, towers alone and together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.errors import InputError

COUNTED: list[tuple[dict[str, Any], int]] = [
    ({"model_type": "siglip",
 "architectures": ["SiglipModel"],
 "text_config": {"hidden_size": 1152,
                 "intermediate_size": 4304,
                 "model_type": "siglip_text_model",
                 "num_attention_heads": 16,
                 "num_hidden_layers": 27,
                 "projection_size": 1152},
 "vision_config": {"hidden_size": 1152,
                   "image_size": 384,
                   "intermediate_size": 4304,
                   "model_type": "siglip_vision_model",
                   "num_attention_heads": 16,
                   "num_hidden_layers": 27,
                   "patch_size": 14}}, 877_960_498),
    ({"model_type": "clip_text_model",
 "architectures": ["CLIPTextModel"],
 "hidden_size": 768,
 "intermediate_size": 3072,
 "max_position_embeddings": 77,
 "num_attention_heads": 12,
 "num_hidden_layers": 12,
 "projection_dim": 768,
 "vocab_size": 49408}, 123_060_480),
    ({"model_type": "clip_text_model",
 "architectures": ["CLIPTextModelWithProjection"],
 "hidden_size": 1280,
 "intermediate_size": 5120,
 "max_position_embeddings": 77,
 "num_attention_heads": 20,
 "num_hidden_layers": 32,
 "projection_dim": 1280,
 "vocab_size": 49408}, 694_659_840),
    ({"model_type": "clip",
 "architectures": ["CLIPModel"],
 "projection_dim": 100,
 "text_config": {"model_type": "clip_text_model",
                 "hidden_size": 128,
                 "num_attention_heads": 4,
                 "num_key_value_heads": 2,
                 "intermediate_size": 512,
                 "num_hidden_layers": 5,
                 "vocab_size": 3333,
                 "max_position_embeddings": 77},
 "vision_config": {"hidden_size": 256,
                   "num_attention_heads": 4,
                   "intermediate_size": 256,
                   "num_hidden_layers": 2,
                   "image_size": 448,
                   "patch_size": 16,
                   "model_type": "clip_vision_model"}}, 2_656_897),
    ({"hidden_size": 128,
 "num_attention_heads": 8,
 "intermediate_size": 256,
 "num_hidden_layers": 3,
 "image_size": 448,
 "patch_size": 16,
 "projection_dim": 77,
 "model_type": "clip_vision_model",
 "architectures": ["CLIPVisionModel"]}, 596_864),
    ({"hidden_size": 256,
 "num_attention_heads": 8,
 "intermediate_size": 500,
 "num_hidden_layers": 2,
 "image_size": 336,
 "patch_size": 16,
 "projection_dim": 77,
 "model_type": "clip_vision_model",
 "architectures": ["CLIPVisionModelWithProjection"]}, 1_372_648),
    ({"model_type": "siglip",
 "architectures": ["SiglipModel"],
 "text_config": {"model_type": "siglip_text_model",
                 "hidden_size": 512,
                 "num_attention_heads": 8,
                 "num_key_value_heads": 2,
                 "intermediate_size": 300,
                 "num_hidden_layers": 2,
                 "vocab_size": 3333,
                 "max_position_embeddings": 4096,
                 "projection_size": 192},
 "vision_config": {"hidden_size": 192,
                   "num_attention_heads": 4,
                   "intermediate_size": 256,
                   "num_hidden_layers": 3,
                   "image_size": 448,
                   "patch_size": 14,
                   "model_type": "siglip_vision_model",
                   "vision_use_head": False}}, 7_677_850),
    ({"model_type": "siglip2",
 "architectures": ["Siglip2Model"],
 "text_config": {"model_type": "siglip2_text_model",
                 "hidden_size": 256,
                 "num_attention_heads": 8,
                 "num_key_value_heads": 1,
                 "intermediate_size": 512,
                 "num_hidden_layers": 5,
                 "vocab_size": 3333,
                 "max_position_embeddings": 4096,
                 "projection_size": 192},
 "vision_config": {"hidden_size": 128,
                   "num_attention_heads": 8,
                   "intermediate_size": 256,
                   "num_hidden_layers": 3,
                   "patch_size": 16,
                   "model_type": "siglip2_vision_model",
                   "num_patches": 256}}, 5_248_450),
    ({"hidden_size": 256,
 "num_attention_heads": 8,
 "intermediate_size": 500,
 "num_hidden_layers": 2,
 "image_size": 448,
 "patch_size": 16,
 "model_type": "siglip_vision_model"}, 1_960_668),
    ({"model_type": "siglip_text_model",
 "hidden_size": 512,
 "num_attention_heads": 8,
 "num_key_value_heads": 2,
 "intermediate_size": 512,
 "num_hidden_layers": 5,
 "vocab_size": 1000,
 "max_position_embeddings": 4096}, 10_762_752),
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


CLIP: dict[str, Any] = {
    "model_type": "clip",
    "projection_dim": 512,
    "text_config": {"hidden_size": 512},
    "vision_config": {"hidden_size": 768, "patch_size": 32},
}


def test_given_clip_base_when_read_then_the_published_count(shared: Path) -> None:
    config = json.loads((shared / "truth" / "configs" / "openai__clip-vit-base-patch32.json").read_text("utf-8"))
    assert read(config).parameters == read(CLIP).parameters == 151_277_313


def test_given_sections_that_say_nothing_when_read_then_the_library_s_own_towers() -> None:
    empty: dict[str, Any] = {"text_config": {}, "vision_config": {}}
    assert read({"model_type": "siglip", **empty}).parameters == 203_155_970  # siglip-base-patch16-224
    assert read({"model_type": "clip", **empty}) == read(CLIP)


def test_given_both_towers_when_read_then_a_pair_takes_what_each_takes() -> None:
    text = read({"model_type": "clip_text_model", **_TEXT})
    image = read({"model_type": "clip_vision_model", **_IMAGE})
    pair = read({"model_type": "clip", "text_config": _TEXT, "vision_config": _IMAGE})
    words = 77 * (text.operations.per_item + 77 * text.operations.per_item_and_context_token)
    assert (text.item, image.item, pair.item) == (Item.TOKEN, Item.IMAGE, Item.IMAGE)
    assert pair.operations.per_item == words + image.operations.per_item + 2 * 512 * (512 + 768)
    assert image.activations.per_item == 50 * (768 + 2 * 3072)
    assert pair.activations.per_item == 77 * text.activations.per_item == 77 * (512 + 2 * 2048)  # the larger one
    assert text.max_context_tokens == 77


_TEXT: dict[str, Any] = {
    "hidden_size": 512, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 8,
    "vocab_size": 49408, "max_position_embeddings": 77,
}  # fmt: skip
_IMAGE: dict[str, Any] = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "image_size": 224, "patch_size": 32,
}  # fmt: skip


def test_given_a_text_tower_with_projection_when_read_then_the_projection_is_counted_once() -> None:
    plain = {"model_type": "clip_text_model", **_TEXT, "projection_dim": 768}
    projected = read(plain, architectures=["CLIPTextModelWithProjection"])
    assert projected.parameters - read(plain).parameters == 768 * 512


def test_given_a_patch_larger_than_the_image_when_read_then_it_is_a_contradiction() -> None:
    config = {"model_type": "clip_vision_model", **_IMAGE}
    assert problems(config, patch_size=448) == {("contradiction", "architecture.config.patch_size")}


def test_given_a_tower_alone_without_widths_when_read_then_they_are_asked_for() -> None:
    missing = {key for _, key in problems({"model_type": "clip_text_model"})}
    assert "architecture.config.hidden_size" in missing


def test_given_an_unknown_head_when_read_then_it_is_refused() -> None:
    found = problems(CLIP, architectures=["CLIPForImageClassification"])
    assert found == {("unknown-architecture", "architecture.config.architectures")}
