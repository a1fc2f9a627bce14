"""Detectors: exact totals, the backbone they name, and what an image takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.errors import InputError

COUNTED: list[tuple[dict[str, Any], int]] = [
    ({"model_type": "detr",
 "architectures": ["DetrForObjectDetection"],
 "backbone": None,
 "backbone_config": {"model_type": "resnet",
                     "depths": [2, 2, 2, 2],
                     "hidden_sizes": [64, 128, 256, 512],
                     "layer_type": "basic",
                     "embedding_size": 64,
                     "out_features": ["stage4"]},
 "d_model": 256,
 "encoder_attention_heads": 8,
 "decoder_attention_heads": 8,
 "encoder_layers": 2,
 "decoder_layers": 2,
 "encoder_ffn_dim": 1024,
 "decoder_ffn_dim": 600,
 "num_queries": 100,
 "num_labels": 91}, 14_731_984),
    ({"model_type": "table-transformer",
 "architectures": ["TableTransformerForObjectDetection"],
 "backbone": None,
 "backbone_config": {"model_type": "resnet",
                     "depths": [2, 2, 2, 2],
                     "hidden_sizes": [256, 512, 1024, 2048],
                     "layer_type": "basic",
                     "embedding_size": 64,
                     "out_features": ["stage4"]},
 "d_model": 128,
 "encoder_attention_heads": 8,
 "decoder_attention_heads": 8,
 "encoder_layers": 3,
 "decoder_layers": 2,
 "encoder_ffn_dim": 1024,
 "decoder_ffn_dim": 700,
 "num_queries": 15,
 "num_labels": 2}, 180_017_471),
    ({"model_type": "detr",
 "architectures": ["DetrModel"],
 "backbone": None,
 "backbone_config": {"model_type": "resnet",
                     "depths": [2, 2, 2, 2],
                     "hidden_sizes": [64, 128, 256, 512],
                     "layer_type": "bottleneck",
                     "embedding_size": 64,
                     "out_features": ["stage4"]},
 "d_model": 128,
 "encoder_attention_heads": 8,
 "decoder_attention_heads": 8,
 "encoder_layers": 2,
 "decoder_layers": 2,
 "encoder_ffn_dim": 1024,
 "decoder_ffn_dim": 700,
 "num_queries": 100,
 "num_labels": 91}, 2_242_488),
    ({"model_type": "yolos",
 "architectures": ["YolosForObjectDetection"],
 "hidden_size": 192,
 "num_attention_heads": 3,
 "num_hidden_layers": 2,
 "intermediate_size": 300,
 "image_size": [800, 1344],
 "patch_size": 16,
 "num_detection_tokens": 100,
 "use_mid_position_embeddings": False,
 "qkv_bias": False,
 "num_labels": 91}, 1_688_184),
    ({"model_type": "yolos",
 "architectures": ["YolosModel"],
 "hidden_size": 192,
 "num_attention_heads": 3,
 "num_hidden_layers": 2,
 "intermediate_size": 300,
 "image_size": [512, 864],
 "patch_size": 16,
 "num_detection_tokens": 100,
 "use_mid_position_embeddings": True,
 "qkv_bias": True,
 "num_labels": 91}, 1_436_184),
    ({"model_type": "detr",
 "architectures": ["DetrForObjectDetection"],
 "backbone": None,
 "backbone_config": {"model_type": "resnet",
                     "depths": [1, 1, 1, 2],
                     "hidden_sizes": [256, 512, 1024, 2048],
                     "layer_type": "bottleneck",
                     "embedding_size": 64,
                     "out_features": ["stage4"]},
 "d_model": 128,
 "encoder_attention_heads": 8,
 "decoder_attention_heads": 8,
 "encoder_layers": 3,
 "decoder_layers": 4,
 "encoder_ffn_dim": 500,
 "decoder_ffn_dim": 700,
 "num_queries": 100,
 "num_labels": 2}, 14_599_443),
    ({"model_type": "table-transformer",
 "architectures": ["TableTransformerForObjectDetection"],
 "backbone": None,
 "backbone_config": {"model_type": "resnet",
                     "depths": [2, 2, 2, 2],
                     "hidden_sizes": [256, 512, 1024, 2048],
                     "layer_type": "bottleneck",
                     "embedding_size": 64,
                     "out_features": ["stage4"]},
 "d_model": 256,
 "encoder_attention_heads": 8,
 "decoder_attention_heads": 8,
 "encoder_layers": 3,
 "decoder_layers": 4,
 "encoder_ffn_dim": 500,
 "decoder_ffn_dim": 600,
 "num_queries": 100,
 "num_labels": 2}, 19_506_435),
    ({"model_type": "detr",
 "architectures": ["DetrModel"],
 "backbone": None,
 "backbone_config": {"model_type": "resnet",
                     "depths": [1, 1, 1, 2],
                     "hidden_sizes": [256, 512, 1024, 2048],
                     "layer_type": "basic",
                     "embedding_size": 64,
                     "out_features": ["stage4"]},
 "d_model": 256,
 "encoder_attention_heads": 8,
 "decoder_attention_heads": 8,
 "encoder_layers": 2,
 "decoder_layers": 4,
 "encoder_ffn_dim": 1024,
 "decoder_ffn_dim": 600,
 "num_queries": 15,
 "num_labels": 91}, 158_783_008),
    ({"model_type": "yolos",
 "architectures": ["YolosForObjectDetection"],
 "hidden_size": 192,
 "num_attention_heads": 3,
 "num_hidden_layers": 2,
 "intermediate_size": 768,
 "image_size": [512, 864],
 "patch_size": 16,
 "num_detection_tokens": 100,
 "use_mid_position_embeddings": False,
 "qkv_bias": True,
 "num_labels": 91}, 1_575_072),
    ({"model_type": "yolos",
 "architectures": ["YolosModel"],
 "hidden_size": 192,
 "num_attention_heads": 3,
 "num_hidden_layers": 4,
 "intermediate_size": 300,
 "image_size": [512, 864],
 "patch_size": 16,
 "num_detection_tokens": 50,
 "use_mid_position_embeddings": True,
 "qkv_bias": True,
 "num_labels": 2}, 2_619_888),
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


DETR: dict[str, Any] = {
    "model_type": "detr", "architectures": ["DetrForObjectDetection"], "backbone": "resnet50", "d_model": 256,
    "encoder_layers": 6, "encoder_ffn_dim": 2048, "encoder_attention_heads": 8, "decoder_layers": 6,
    "decoder_ffn_dim": 2048, "decoder_attention_heads": 8,
}  # fmt: skip


def test_given_detr_resnet_50_when_read_then_the_published_count(shared: Path) -> None:
    config = json.loads((shared / "truth" / "configs" / "facebook__detr-resnet-50.json").read_text("utf-8"))
    assert read(config).parameters == read(DETR).parameters == 41_501_895


def test_given_a_timm_backbone_when_read_then_it_is_the_resnet_of_that_name() -> None:
    timm = {"model_type": "timm_backbone", "backbone": "resnet101"}
    named, configured = read(DETR, backbone="resnet101"), read(DETR, backbone=None, backbone_config=timm)
    assert named.tensors == configured.tensors
    assert named.parameters - read(DETR).parameters == 17 * (2 * 1024 * 256 + 9 * 256**2)


def test_given_an_unknown_backbone_when_read_then_it_is_refused() -> None:
    assert problems(DETR, backbone="swin_tiny") == {("not-allowed", "architecture.config.backbone")}


def test_given_detr_when_an_image_is_searched_then_operations_are_near_the_published_ones() -> None:
    inventory = read(DETR)
    assert inventory.item is Item.IMAGE
    assert inventory.operations.per_item == pytest.approx(2 * 86e9 * (800 * 1333) / (800 * 1066), rel=0.06)
    assert inventory.estimated == ("images of 800 × 1333 pixels, the largest the processor makes, taken as a square",)


def test_given_yolos_with_one_side_when_read_then_height_and_width_are_asked_for() -> None:
    config = next(config for config, _ in COUNTED if config["model_type"] == "yolos")
    assert problems(config, image_size=[512]) == {("contradiction", "architecture.config.image_size")}


def test_given_a_backbone_of_timm_in_a_section_then_the_images_channels_are_the_sections() -> None:
    config = COUNTED[0][0] | {"backbone_config": {"model_type": "timm_backbone", "backbone": "resnet50"}}
    four = config | {"backbone_config": config["backbone_config"] | {"num_channels": 4}}
    plain, wider = (relevant_hyperparameters(one)[0].parameters for one in (config, four))
    assert wider - plain == 64 * 7**2
