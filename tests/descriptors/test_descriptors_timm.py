"""Models that timm builds from their name: exact parameters and operations, and what is refused.

Parameters and multiply-adds as counted with timm 1.0.31 on the meta device; attention's products of activations are
added to the latter where a model has any.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.descriptors.architectures import build_inventory, family_of, relevant_hyperparameters
from ai_on_eks.descriptors.describe import describe
from ai_on_eks.descriptors.inventory import Inventory, Item
from ai_on_eks.descriptors.schema import Family
from ai_on_eks.errors import InputError


def config_of(name: str, side: int = 224) -> dict[str, Any]:
    """A config as timm publishes it."""
    return {
        "architecture": name, "num_classes": 1000, "num_features": 0, "global_pool": "avg",
        "pretrained_cfg": {"input_size": [3, side, side], "tag": "x", "crop_pct": 0.9, "num_classes": 1000},
    }  # fmt: skip


def read(name: str, side: int = 224) -> Inventory:
    return relevant_hyperparameters(config_of(name, side))[0]


@pytest.mark.parametrize(
    ("name", "side", "parameters", "multiply_adds"),
    [
        ("vgg11", 224, 132_863_336, 7_609_090_048),
        ("vgg16.tv_in1k", 224, 138_357_544, 15_470_264_320),
        ("vgg16_bn", 224, 138_365_992, 15_470_264_320),
        ("vgg19_bn.tv_in1k", 224, 143_678_248, 19_632_062_464),
        ("resnet18", 224, 11_689_512, 1_814_073_344),
        ("resnet34d", 224, 21_816_904, 3_903_401_984),
        ("resnet50.a1_in1k", 224, 25_557_032, 4_089_184_256),
        ("resnet50d", 224, 25_576_264, 4_328_824_832),
        ("resnet101", 224, 44_549_160, 7_801_405_440),
        ("resnet152d", 256, 60_212_040, 15_350_579_200),
        ("wide_resnet50_2", 224, 68_883_240, 11_398_021_120),
        ("resnext50_32x4d", 224, 25_028_904, 4_230_479_872),
        ("resnext101_64x4d", 224, 83_455_272, 15_460_270_080),
        ("efficientnet_b0.ra_in1k", 224, 5_288_548, 385_814_752),
        ("efficientnet_b4", 320, 19_341_616, 3_063_687_008),
        ("tf_efficientnet_b7", 600, 66_347_960, 37_745_884_192),
        ("tf_efficientnet_b8", 672, 87_413_142, 62_597_461_568),
        ("efficientnet_lite0", 224, 4_652_008, 385_187_552),
        ("tf_efficientnet_lite4", 380, 13_006_568, 3_943_564_112),
        ("mobilenetv2_035", 224, 1_677_128, 59_285_808),
        ("mobilenetv2_100", 224, 3_504_872, 300_774_272),
        ("mobilenetv2_140", 224, 6_108_776, 582_195_824),
        ("mobilenetv3_small_050", 224, 1_593_224, 24_188_688),
        ("mobilenetv3_small_100", 224, 2_542_856, 56_510_400),
        ("mobilenetv3_large_100", 224, 5_483_032, 216_589_760),
        ("convnext_nano", 224, 15_593_560, 2_445_528_320),
        ("convnext_tiny.fb_in22k", 224, 28_589_128, 4_455_531_264),
        ("convnext_xlarge", 224, 350_196_968, 60_921_030_656),
        ("convnextv2_huge", 384, 660_289_640, 337_724_794_880),
        ("densenet121", 224, 7_978_856, 2_834_161_664),
        ("densenet161.tv_in1k", 224, 28_681_000, 7_727_907_072),
        ("densenet201", 224, 20_013_928, 4_291_365_888),
        ("regnetx_002", 224, 2_684_792, 199_039_872),
        ("regnetx_032", 224, 15_296_552, 3_176_621_952),
        ("regnety_120", 224, 51_822_544, 12_092_376_576),
        ("regnety_160.swag_ft_in1k", 224, 83_590_140, 15_911_510_272),
        ("regnety_320", 224, 145_046_770, 32_279_552_832),
        ("swin_tiny_patch4_window7_224", 224, 28_288_354, 4_350_425_088 + 140_141_568),
        ("swin_base_patch4_window7_224.ms_in22k_ft_in1k", 224, 87_768_224, 15_126_077_440 + 304_869_376),
        ("swin_large_patch4_window12_384", 384, 196_735_516, 99_969_626_112 + 3_949_461_504),
        ("vit_tiny_patch16_224", 224, 5_717_416, 1_074_851_328 + 2 * 12 * 197**2 * 192),
        ("vit_base_patch16_224.augreg_in21k", 224, 86_567_656, 16_848_500_736 + 2 * 12 * 197**2 * 768),
        ("vit_large_patch16_384", 384, 304_715_752, 174_702_174_208 + 2 * 24 * 577**2 * 1024),
        ("vit_base_patch32_224", 224, 88_224_232, 4_363_106_304 + 2 * 12 * 50**2 * 768),
        ("deit_small_patch16_224", 224, 22_050_664, 4_241_218_560 + 2 * 12 * 197**2 * 384),
    ],
)
def test_given_a_published_name_when_read_then_parameters_and_operations_are_exact(
    name: str, side: int, parameters: int, multiply_adds: int
) -> None:
    inventory = read(name, side)
    assert inventory.parameters == parameters
    assert inventory.operations.per_item == 2 * multiply_adds
    assert (inventory.item, inventory.states, inventory.estimated) == (Item.IMAGE, (), ())


def test_given_one_network_of_two_libraries_when_read_then_both_say_the_same() -> None:
    resnet = {
        "model_type": "resnet", "embedding_size": 64, "depths": [3, 4, 6, 3],
        "hidden_sizes": [256, 512, 1024, 2048], "num_labels": 1000, "image_size": 224,
    }  # fmt: skip
    ours, theirs = read("resnet50"), relevant_hyperparameters(resnet)[0]
    assert (ours.parameters, ours.operations, ours.activations) == (
        theirs.parameters, theirs.operations, theirs.activations,
    )  # fmt: skip


def test_given_a_name_when_read_then_its_family_is_that_of_its_network() -> None:
    assert family_of(config_of("vgg16")) is Family.CNN
    assert family_of(config_of("swin_tiny_patch4_window7_224")) is Family.TRANSFORMER


def test_given_maps_that_join_when_read_then_all_before_are_kept() -> None:
    # the sixth layer of the first block: 224 channels kept, 32 made, 256 joined, at 56 × 56
    assert read("densenet121").activations.per_item == max(56**2 * (224 + 32 + 256), (112**2) * 64 + 224**2 * 3)


def test_given_attention_in_windows_when_read_then_the_first_stage_is_the_widest_and_has_the_fewest_heads() -> None:
    inventory = read("swin_base_patch4_window7_224")
    assert inventory.activations.per_item == 56**2 * 9 * 128
    assert (inventory.attention_heads, inventory.layers, inventory.hidden_size) == (4, 24, 1024)


def test_given_other_classes_and_images_when_read_then_they_count() -> None:
    plain = read("resnet50")
    assert relevant_hyperparameters(config_of("resnet50") | {"num_classes": 10})[0].parameters == (
        plain.parameters - 990 * 2049
    )
    assert relevant_hyperparameters(config_of("resnet50") | {"num_classes": 0})[0].parameters == (
        plain.parameters - 1000 * 2049
    )
    assert read("resnet50", 448).operations.per_item > 3 * plain.operations.per_item
    assert read("vit_base_patch16_224", 384).parameters == 86_859_496  # as vit_base_patch16_384
    assert "224" in relevant_hyperparameters({"architecture": "resnet50"})[0].estimated[0]


def test_given_the_wrapper_of_transformers_when_read_then_it_is_the_model_that_it_names() -> None:
    wrapped = {"model_type": "timm_wrapper", **config_of("resnet50.a1_in1k")}
    assert relevant_hyperparameters(wrapped)[0] == read("resnet50")


def test_given_a_folder_of_the_hub_when_described_then_its_descriptor_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config_of("resnet50.a1_in1k")), encoding="utf-8")
    descriptor = describe(str(tmp_path)).descriptor
    assert descriptor.architecture.family is Family.CNN
    assert build_inventory(descriptor) == read("resnet50")


@pytest.mark.parametrize(
    ("config", "code", "path"),
    [
        (config_of("resnet51"), "unknown-architecture", "architecture"),
        (config_of("resnet50") | {"model_args": {"output_stride": 8}}, "unknown-architecture", "model_args"),
        (config_of("swin_tiny_patch4_window7_224", 256), "unknown-architecture", "pretrained_cfg"),
        (config_of("vit_base_patch16_224", 225), "unknown-architecture", "pretrained_cfg"),
        (config_of("resnet50", 10**6), "contradiction", "pretrained_cfg.input_size"),
        (config_of("resnet50") | {"pretrained_cfg": {"input_size": [3, 224]}}, "contradiction",
         "pretrained_cfg.input_size"),
        (config_of("resnet50") | {"pretrained_cfg": 3}, "wrong-type", "pretrained_cfg"),
        (config_of("resnet50") | {"num_classes": -1}, "out-of-range", "num_classes"),
    ],
)  # fmt: skip
def test_given_an_unusable_config_when_read_then_an_input_error_says_why(
    config: dict[str, Any], code: str, path: str
) -> None:
    with pytest.raises(InputError) as caught:
        relevant_hyperparameters(config)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == (code, f"architecture.config.{path}")
    assert problem.fix


def test_given_an_unknown_name_when_read_then_the_nearest_known_ones_are_named() -> None:
    with pytest.raises(InputError) as caught:
        read("resnet51")
    allowed = caught.value.problems[0].allowed
    assert "timm/resnet50" in allowed
    assert all(one.startswith("timm/") for one in allowed)
