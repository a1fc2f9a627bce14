"""Convolutional networks of transformers: exact parameters, operations, activations, and what is refused.

Parameters and multiply-adds as counted with transformers 5.23.0 on the meta device.
"""

from __future__ import annotations

from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import relevant_hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.errors import InputError

RESNET: dict[str, Any] = {
    "model_type": "resnet", "embedding_size": 64, "depths": [3, 4, 6, 3], "hidden_sizes": [256, 512, 1024, 2048],
    "num_labels": 1000, "image_size": 224,
}  # fmt: skip
RESNET_18 = RESNET | {
    "layer_type": "basic", "depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "num_labels": 2,
}  # fmt: skip
REGNET = RESNET | {
    "model_type": "regnet", "embedding_size": 32, "depths": [2, 6, 12, 2], "hidden_sizes": [128, 192, 512, 1088],
}  # fmt: skip
REGNET_X = REGNET | {
    "layer_type": "x", "groups_width": 16, "depths": [1, 1, 4, 7], "hidden_sizes": [32, 64, 160, 384],
    "downsample_in_first_stage": False, "num_labels": 2,
}  # fmt: skip
CONVNEXT = RESNET | {"model_type": "convnext", "depths": [3, 3, 9, 3], "hidden_sizes": [96, 192, 384, 768]}
SMALL_CONVNEXT = CONVNEXT | {"depths": [2, 2, 2, 2], "hidden_sizes": [32, 48, 64, 128], "num_labels": 2}
MOBILENET_V1: dict[str, Any] = {"model_type": "mobilenet_v1", "image_size": 224, "num_labels": 1001}
MOBILENET_V2 = MOBILENET_V1 | {"model_type": "mobilenet_v2"}
EFFICIENTNET: dict[str, Any] = {
    "model_type": "efficientnet", "image_size": 224, "width_coefficient": 1.0, "depth_coefficient": 1.0,
    "hidden_dim": 1280, "num_labels": 1000,
}  # fmt: skip


def read(config: dict[str, Any], **changes: Any) -> Inventory:
    return relevant_hyperparameters({**config, **changes})[0]


@pytest.mark.parametrize(
    ("config", "parameters", "multiply_adds"),
    [
        (RESNET, 25_557_032, 4_089_184_256),
        (RESNET | {"architectures": ["ResNetModel"]}, 23_508_032, 4_087_136_256),
        (RESNET_18, 11_177_538, 1_813_562_368),
        (
            RESNET | {"downsample_in_first_stage": True, "downsample_in_bottleneck": True, "num_labels": 2},
            23_512_130,
            None,
        ),
        (REGNET, 20_646_656, 3_973_288_448),
        (REGNET | {"architectures": ["RegNetModel"]}, 19_557_656, 3_972_200_448),
        (REGNET_X, 2_766_242, 932_872_960),
        (CONVNEXT, 28_589_128, 4_455_531_264),
        (CONVNEXT | {"architectures": ["ConvNextModel"]}, 27_820_128, 4_454_763_264),
        (SMALL_CONVNEXT | {"layer_scale_init_value": 0.0}, 465_810, 134_986_240),
        (
            CONVNEXT
            | {"depths": [3, 3, 27, 3], "hidden_sizes": [128, 256, 512, 1024], "image_size": 384, "num_labels": 2},
            87_568_514,
            45_121_095_680,
        ),
        (CONVNEXT | {"model_type": "convnextv2"}, 28_635_496, 4_455_531_264),
        (
            CONVNEXT
            | {"model_type": "convnextv2", "depths": [2, 2, 6, 2], "hidden_sizes": [40, 80, 160, 320],
               "image_size": 225, "num_labels": 2},
            3_388_042,
            547_013_120,
        ),
        (MOBILENET_V1, 4_233_001, 568_741_376),
        (MOBILENET_V1 | {"depth_multiplier": 0.75, "image_size": 192, "num_labels": 2}, 1_818_098, 238_507_008),
        (MOBILENET_V2, 3_506_153, 300_775_552),
        (MOBILENET_V2 | {"depth_multiplier": 0.35, "image_size": 160, "num_labels": 2}, 398_690, 29_597_360),
        (MOBILENET_V2 | {"depth_multiplier": 1.4, "output_stride": 8, "num_labels": 2}, 4_319_362, 3_481_804_032),
        (
            MOBILENET_V2
            | {"depth_multiplier": 0.75, "first_layer_is_expansion": False, "finegrained_output": False,
               "num_labels": 2},
            1_280_530,
            211_253_856,
        ),
        (EFFICIENTNET, 5_288_548, 385_814_752),
        (
            EFFICIENTNET
            | {"width_coefficient": 1.2, "depth_coefficient": 1.4, "hidden_dim": 1536, "image_size": 300,
               "num_labels": 2},
            10_699_306,
            1_825_608_464,
        ),
        (
            EFFICIENTNET
            | {"width_coefficient": 2.0, "depth_coefficient": 3.1, "hidden_dim": 2560, "image_size": 600},
            66_347_960,
            37_745_884_192,  # as timm 1.0.31 counts efficientnet_b7
        ),
    ],
)  # fmt: skip
def test_given_published_hyperparameters_when_read_then_parameters_and_operations_are_exact(
    config: dict[str, Any], parameters: int, multiply_adds: int | None
) -> None:
    inventory = read(config)
    assert inventory.parameters == parameters
    assert inventory.item is Item.IMAGE
    if multiply_adds is not None:
        assert inventory.operations.per_item == 2 * multiply_adds


def test_given_maps_alive_at_once_when_read_then_the_largest_sum_counts() -> None:
    # a layer's input is kept for the shortcut: 256 channels, beside 64 in and 256 out of the last 1 × 1
    assert read(RESNET).activations.per_item == 56**2 * (256 + 64 + 256)
    # the first block after the stem: 32 channels at 112 × 112, four times as many within a block at 56 × 56
    assert read(CONVNEXT).activations.per_item == 56**2 * (96 + 384 + 96)
    # the first expanded block: the 3 × 3 of stride two takes 96 channels at 112 × 112 and makes 96 at 56 × 56
    assert read(MOBILENET_V2).activations.per_item == (112**2 + 56**2) * 96
    assert read(EFFICIENTNET).activations.per_item == (112**2 + 56**2) * 96


def test_given_no_image_size_when_read_then_the_assumed_one_is_named() -> None:
    for config in (RESNET, REGNET, CONVNEXT, MOBILENET_V1, MOBILENET_V2):
        inventory = read({key: value for key, value in config.items() if key != "image_size"})
        assert "224" in inventory.estimated[0]
        assert read(config).estimated == ()


@pytest.mark.parametrize(
    ("config", "codes"),
    [
        (RESNET | {"layer_type": "x"}, {"not-allowed"}),
        (REGNET | {"groups_width": 100}, {"contradiction"}),
        (REGNET | {"depths": [1]}, {"contradiction"}),
        (REGNET | {"embedding_size": 1}, {"contradiction"}),
        (CONVNEXT | {"patch_size": 256}, {"contradiction"}),
        (CONVNEXT | {"depths": [400, 400, 200, 1]}, {"contradiction"}),
        (REGNET | {"depths": [400, 400, 200, 1]}, {"contradiction"}),
        (CONVNEXT | {"hidden_sizes": None}, {"missing-hyperparameter"}),
        (CONVNEXT | {"image_size": 10**6}, {"contradiction"}),
        (CONVNEXT | {"architectures": ["ConvNextForSegmentation"]}, {"unknown-architecture"}),
        (MOBILENET_V1 | {"depth_multiplier": 0}, {"wrong-type"}),
        (MOBILENET_V1 | {"depth_multiplier": 1e6}, {"contradiction"}),
        (MOBILENET_V2 | {"output_stride": 4}, {"unknown-architecture"}),
        (EFFICIENTNET | {"image_size": None}, {"missing-hyperparameter"}),
        (EFFICIENTNET | {"hidden_dim": 2560}, {"contradiction"}),
        (EFFICIENTNET | {"strides": [1, 2]}, {"contradiction"}),
        (EFFICIENTNET | {"in_channels": [16, 16, 24, 40, 80, 112, 192]}, {"contradiction"}),
        (EFFICIENTNET | {"depth_coefficient": 900}, {"contradiction"}),
    ],
)
def test_given_an_unusable_config_when_read_then_an_input_error_says_why(
    config: dict[str, Any], codes: set[str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(config)
    assert {problem.code for problem in caught.value.problems} == codes
    assert all(problem.fix for problem in caught.value.problems)
