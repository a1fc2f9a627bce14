"""The models of timm that are read exactly: module of this package -> `timm/` and the name without its tag."""

from __future__ import annotations

from collections.abc import Mapping

TIMM = "timm/"
"""Stands before the names, as on the hub."""

TIMM_MODULES: Mapping[str, tuple[str, ...]] = {
    "timm_convnext": (
        "timm/convnext_atto", "timm/convnext_base", "timm/convnext_large", "timm/convnext_nano",
        "timm/convnext_small", "timm/convnext_tiny", "timm/convnext_xlarge", "timm/convnextv2_base",
        "timm/convnextv2_huge", "timm/convnextv2_large", "timm/convnextv2_tiny",
    ),
    "timm_densenet": (
        "timm/densenet121", "timm/densenet161", "timm/densenet169", "timm/densenet201",
    ),
    "timm_mobile": (
        "timm/efficientnet_b0", "timm/efficientnet_b1", "timm/efficientnet_b2", "timm/efficientnet_b3",
        "timm/efficientnet_b4", "timm/efficientnet_b5", "timm/efficientnet_b6", "timm/efficientnet_b7",
        "timm/efficientnet_lite0", "timm/efficientnet_lite1", "timm/efficientnet_lite2", "timm/efficientnet_lite3",
        "timm/efficientnet_lite4", "timm/mobilenetv2_035", "timm/mobilenetv2_050", "timm/mobilenetv2_075",
        "timm/mobilenetv2_100", "timm/mobilenetv2_140", "timm/mobilenetv3_large_075", "timm/mobilenetv3_large_100",
        "timm/mobilenetv3_small_050", "timm/mobilenetv3_small_075", "timm/mobilenetv3_small_100",
        "timm/tf_efficientnet_b0", "timm/tf_efficientnet_b1", "timm/tf_efficientnet_b2", "timm/tf_efficientnet_b3",
        "timm/tf_efficientnet_b4", "timm/tf_efficientnet_b5", "timm/tf_efficientnet_b6", "timm/tf_efficientnet_b7",
        "timm/tf_efficientnet_b8", "timm/tf_efficientnet_lite0", "timm/tf_efficientnet_lite1",
        "timm/tf_efficientnet_lite2", "timm/tf_efficientnet_lite3", "timm/tf_efficientnet_lite4",
        "timm/tf_mobilenetv3_large_075", "timm/tf_mobilenetv3_large_100", "timm/tf_mobilenetv3_small_075",
        "timm/tf_mobilenetv3_small_100",
    ),
    "timm_regnet": (
        "timm/regnetx_002", "timm/regnetx_004", "timm/regnetx_006", "timm/regnetx_008", "timm/regnetx_016",
        "timm/regnetx_032", "timm/regnetx_040", "timm/regnetx_064", "timm/regnetx_080", "timm/regnetx_120",
        "timm/regnetx_160", "timm/regnetx_320", "timm/regnety_002", "timm/regnety_004", "timm/regnety_006",
        "timm/regnety_008", "timm/regnety_016", "timm/regnety_032", "timm/regnety_040", "timm/regnety_064",
        "timm/regnety_080", "timm/regnety_120", "timm/regnety_160", "timm/regnety_320",
    ),
    "timm_resnet": (
        "timm/resnet101", "timm/resnet101d", "timm/resnet152", "timm/resnet152d", "timm/resnet18", "timm/resnet18d",
        "timm/resnet26", "timm/resnet26d", "timm/resnet34", "timm/resnet34d", "timm/resnet50", "timm/resnet50d",
        "timm/resnext101_32x16d", "timm/resnext101_32x4d", "timm/resnext101_32x8d", "timm/resnext101_64x4d",
        "timm/resnext50_32x4d", "timm/resnext50d_32x4d", "timm/wide_resnet101_2", "timm/wide_resnet50_2",
    ),
    "timm_swin": (
        "timm/swin_base_patch4_window12_384", "timm/swin_base_patch4_window7_224",
        "timm/swin_large_patch4_window12_384", "timm/swin_large_patch4_window7_224",
        "timm/swin_small_patch4_window7_224", "timm/swin_tiny_patch4_window7_224",
    ),
    "timm_vgg": (
        "timm/vgg11", "timm/vgg11_bn", "timm/vgg13", "timm/vgg13_bn", "timm/vgg16", "timm/vgg16_bn", "timm/vgg19",
        "timm/vgg19_bn",
    ),
    "timm_vit": (
        "timm/deit_base_patch16_224", "timm/deit_base_patch16_384", "timm/deit_small_patch16_224",
        "timm/deit_tiny_patch16_224", "timm/vit_base_patch16_224", "timm/vit_base_patch16_384",
        "timm/vit_base_patch32_224", "timm/vit_base_patch32_384", "timm/vit_base_patch8_224",
        "timm/vit_huge_patch14_224", "timm/vit_large_patch16_224", "timm/vit_large_patch16_384",
        "timm/vit_large_patch32_384", "timm/vit_small_patch16_224", "timm/vit_small_patch16_384",
        "timm/vit_small_patch32_224", "timm/vit_small_patch32_384", "timm/vit_tiny_patch16_224",
        "timm/vit_tiny_patch16_384",
    ),
}  # fmt: skip
