"""Relatives of ViT, and Swin: exact totals, and what an image takes."""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Item, TensorRole
from ai_on_eks.errors import InputError

COUNTED: list[tuple[dict[str, Any], int]] = [
    ({"hidden_size": 192,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "image_size": 224,
 "patch_size": 16,
 "num_labels": 2,
 "model_type": "dinov2",
 "architectures": ["Dinov2ForImageClassification"],
 "mlp_ratio": 4,
 "use_swiglu_ffn": False,
 "qkv_bias": True,
 "use_mask_token": False}, 1_077_314),
    ({"hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "image_size": 518,
 "patch_size": 14,
 "num_labels": 10,
 "model_type": "dinov2",
 "architectures": ["Dinov2Model"],
 "mlp_ratio": 4,
 "use_swiglu_ffn": False,
 "qkv_bias": True,
 "use_mask_token": False}, 648_192),
    ({"hidden_size": 192,
 "num_attention_heads": 4,
 "num_hidden_layers": 3,
 "image_size": 224,
 "patch_size": 14,
 "num_labels": 2,
 "model_type": "dinov2_with_registers",
 "architectures": ["Dinov2WithRegistersForImageClassification"],
 "mlp_ratio": 3,
 "use_swiglu_ffn": True,
 "qkv_bias": False,
 "num_register_tokens": 8}, 1_278_338),
    ({"hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 3,
 "image_size": 224,
 "patch_size": 14,
 "num_labels": 10,
 "model_type": "beit",
 "architectures": ["BeitForImageClassification"],
 "intermediate_size": 500,
 "use_mask_token": True,
 "use_absolute_position_embeddings": True,
 "use_relative_position_bias": True,
 "use_shared_relative_position_bias": False,
 "use_mean_pooling": True}, 707_606),
    ({"hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 3,
 "image_size": 224,
 "patch_size": 16,
 "num_labels": 10,
 "model_type": "beit",
 "architectures": ["BeitModel"],
 "intermediate_size": 300,
 "use_mask_token": False,
 "use_absolute_position_embeddings": False,
 "use_relative_position_bias": True,
 "use_shared_relative_position_bias": False,
 "use_mean_pooling": False}, 539_348),
    ({"hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "image_size": 518,
 "patch_size": 14,
 "num_labels": 2,
 "model_type": "deit",
 "architectures": ["DeiTForImageClassification"],
 "intermediate_size": 500,
 "qkv_bias": False}, 641_258),
    ({"hidden_size": 192,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "image_size": 518,
 "patch_size": 16,
 "num_labels": 2,
 "model_type": "deit",
 "architectures": ["DeiTModel"],
 "intermediate_size": 300,
 "qkv_bias": True}, 911_832),
    ({"hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 3,
 "image_size": 224,
 "patch_size": 16,
 "num_labels": 10,
 "model_type": "deit",
 "architectures": ["DeiTForImageClassificationWithTeacher"],
 "intermediate_size": 300,
 "qkv_bias": False}, 557_080),
    ({"hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "image_size": 224,
 "patch_size": 14,
 "num_labels": 2,
 "model_type": "dinov2",
 "architectures": ["Dinov2ForImageClassification"],
 "mlp_ratio": 3,
 "use_swiglu_ffn": False,
 "qkv_bias": False,
 "use_mask_token": True}, 439_810),
    ({"hidden_size": 192,
 "num_attention_heads": 4,
 "num_hidden_layers": 3,
 "image_size": 518,
 "patch_size": 16,
 "num_labels": 2,
 "model_type": "dinov2",
 "architectures": ["Dinov2Model"],
 "mlp_ratio": 4,
 "use_swiglu_ffn": False,
 "qkv_bias": True,
 "use_mask_token": True}, 1_680_960),
    ({"hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 3,
 "image_size": 224,
 "patch_size": 14,
 "num_labels": 10,
 "model_type": "dinov2_with_registers",
 "architectures": ["Dinov2WithRegistersForImageClassification"],
 "mlp_ratio": 3,
 "use_swiglu_ffn": False,
 "qkv_bias": True,
 "num_register_tokens": 4}, 608_778),
    ({"hidden_size": 192,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "image_size": 224,
 "patch_size": 14,
 "num_labels": 2,
 "model_type": "beit",
 "architectures": ["BeitForImageClassification"],
 "intermediate_size": 500,
 "use_mask_token": True,
 "use_absolute_position_embeddings": True,
 "use_relative_position_bias": True,
 "use_shared_relative_position_bias": False,
 "use_mean_pooling": True}, 855_050),
    ({"hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 3,
 "image_size": 518,
 "patch_size": 16,
 "num_labels": 2,
 "model_type": "beit",
 "architectures": ["BeitModel"],
 "intermediate_size": 300,
 "use_mask_token": False,
 "use_absolute_position_embeddings": False,
 "use_relative_position_bias": False,
 "use_shared_relative_position_bias": True,
 "use_mean_pooling": False}, 546_452),
    ({"hidden_size": 128,
 "num_attention_heads": 4,
 "num_hidden_layers": 3,
 "image_size": 518,
 "patch_size": 16,
 "num_labels": 10,
 "model_type": "deit",
 "architectures": ["DeiTForImageClassification"],
 "intermediate_size": 300,
 "qkv_bias": True}, 662_926),
    ({"hidden_size": 192,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "image_size": 518,
 "patch_size": 16,
 "num_labels": 10,
 "model_type": "deit",
 "architectures": ["DeiTModel"],
 "intermediate_size": 500,
 "qkv_bias": True}, 1_065_832),
    ({"hidden_size": 192,
 "num_attention_heads": 4,
 "num_hidden_layers": 2,
 "image_size": 224,
 "patch_size": 14,
 "num_labels": 10,
 "model_type": "deit",
 "architectures": ["DeiTForImageClassificationWithTeacher"],
 "intermediate_size": 500,
 "qkv_bias": True}, 850_620),
    ({"model_type": "swin",
 "architectures": ["SwinForImageClassification"],
 "embed_dim": 128,
 "depths": [2, 2, 6, 2],
 "num_heads": [4, 8, 16, 32],
 "image_size": 384,
 "window_size": 12,
 "qkv_bias": False,
 "use_absolute_embeddings": True,
 "mlp_ratio": 4.0,
 "num_labels": 1000}, 51_135_392),
    ({"model_type": "swin",
 "architectures": ["SwinModel"],
 "embed_dim": 128,
 "depths": [1, 1, 2],
 "num_heads": [4, 8, 16],
 "image_size": 224,
 "window_size": 7,
 "qkv_bias": False,
 "use_absolute_embeddings": True,
 "mlp_ratio": 4.0,
 "num_labels": 2}, 8_363_404),
    ({"model_type": "swin",
 "architectures": ["SwinForImageClassification"],
 "embed_dim": 96,
 "depths": [1, 1, 2],
 "num_heads": [3, 6, 12],
 "image_size": 384,
 "window_size": 12,
 "qkv_bias": False,
 "use_absolute_embeddings": True,
 "mlp_ratio": 4.0,
 "num_labels": 1000}, 5_766_265),
    ({"model_type": "swin",
 "architectures": ["SwinModel"],
 "embed_dim": 128,
 "depths": [2, 2, 6, 2],
 "num_heads": [4, 8, 16, 32],
 "image_size": 384,
 "window_size": 12,
 "qkv_bias": True,
 "use_absolute_embeddings": True,
 "mlp_ratio": 3.0,
 "num_labels": 1000}, 42_454_456),
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


SWIN: dict[str, Any] = {
    "model_type": "swin", "architectures": ["SwinForImageClassification"], "embed_dim": 128, "depths": [2, 2, 18, 2],
    "num_heads": [4, 8, 16, 32], "num_labels": 1000,
}  # fmt: skip
DINO: dict[str, Any] = {
    "model_type": "dinov2", "architectures": ["Dinov2Model"], "hidden_size": 768, "num_hidden_layers": 12,
    "num_attention_heads": 12, "image_size": 518, "patch_size": 14,
}  # fmt: skip


def test_given_swin_base_when_read_then_the_published_count_and_operations() -> None:
    inventory = read(SWIN)
    assert inventory.item is Item.IMAGE
    assert inventory.parameters == 87_768_224  # timm 1.0.31, swin_base_patch4_window7_224, meta device
    assert inventory.operations.per_item == pytest.approx(2 * 15.4e9, rel=0.005)  # Liu et al. 2021, table 1: 15.4 G


def test_given_dinov2_base_when_read_then_the_published_count() -> None:
    assert read(DINO).parameters == 86_580_480
    assert read(DINO, use_mask_token=False).parameters == 86_580_480 - 768


def test_given_registers_when_read_then_they_are_tokens_as_well() -> None:
    plain = read(DINO, model_type="dinov2_with_registers", architectures=["Model"], num_register_tokens=0)
    four = read(DINO, model_type="dinov2_with_registers", architectures=["Model"], num_register_tokens=4)
    assert four.parameters - plain.parameters == 4 * 768
    per_token = 768 + 2 * 3072
    assert four.activations.per_item - plain.activations.per_item == 4 * per_token


def test_given_wider_windows_when_read_then_attention_costs_more_and_tables_grow() -> None:
    narrow, wide = read(SWIN, image_size=336), read(SWIN, image_size=336, window_size=14)
    tables = [tensor for tensor in wide.tensors if "bias_table" in tensor.name]
    assert [tensor.shape for tensor in tables] == [(27**2, heads) for heads in (4, 8, 16, 32)]
    assert wide.operations.per_item > narrow.operations.per_item
    assert wide.activations == narrow.activations


def test_given_beit_when_read_then_keys_have_no_bias() -> None:
    config = next(config for config, _ in COUNTED if config["model_type"] == "beit")
    biases = {tensor.name for tensor in read(config).tensors if tensor.name.endswith(".bias")}
    assert "beit.encoder.layer.*.attention.attention.value.bias" in biases
    assert "beit.encoder.layer.*.attention.attention.key.bias" not in biases
    assert any(tensor.role is TensorRole.ATTENTION for tensor in read(config).tensors)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"num_heads": [4, 8]}, ("contradiction", "architecture.config.depths")),
        ({"depths": [2, 2, 2000, 2]}, ("contradiction", "architecture.config.depths")),
        ({"patch_size": 448}, ("contradiction", "architecture.config.patch_size")),
        (
            {"architectures": ["SwinForMasks"]},
            ("unknown-architecture", "architecture.config.architectures"),
        ),
    ],
)
def test_given_what_cannot_be_when_read_then_it_is_told(changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert problems(SWIN, **changes) == {expected}
