"""timm's EfficientNet, MobileNet v2 and v3: blocks of depthwise convolutions, scaled in width and depth.

    separable   k × k for each channel, 1 × 1
    inverted    1 × 1 to more channels, k × k for each of them, 1 × 1 back; a shortcut where nothing changes
    squeeze     squeeze and excitation before the last 1 × 1, a quarter of the block's input channels wide (v3: of its
                inner channels, rounded to eights)
    on top      1 × 1 to the features, their mean, a classifier; v3 takes the mean before the last 1 × 1

A width is multiplied and rounded to eights, a depth multiplied and rounded up. The `lite` variants have no squeeze and
excitation and leave the stem, the top and the depths of the first and the last stage as they are.
Names are those of timm's checkpoints. Source: arXiv:1905.11946, table 1; arXiv:1801.04381, table 2; arXiv:1905.02244,
tables 1 and 2; efficientnet.py and mobilenetv3.py of timm 1.0.31.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from msgspec import Struct

from ai_on_eks.descriptors.architectures.convolution_network import Network, make_divisible
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.timm_config import defaults, read_config
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "cnn"

Block = tuple[int, int, int, float, int, bool]
"""Repeats, kernel, stride, expansion (0: separable), channels, with squeeze and excitation."""

Stages = tuple[tuple[Block, ...], ...]


def _stages(*rows: tuple[int, int, int, float, int], squeezes: bool) -> Stages:
    return tuple(((*row, squeezes),) for row in rows)


_B0 = ((1, 3, 1, 0, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
       (1, 3, 1, 6, 320))  # fmt: skip
_V2 = ((1, 3, 1, 0, 16), (2, 3, 2, 6, 24), (3, 3, 2, 6, 32), (4, 3, 2, 6, 64), (3, 3, 1, 6, 96), (3, 3, 2, 6, 160),
       (1, 3, 1, 6, 320))  # fmt: skip
_SMALL: Stages = (
    ((1, 3, 2, 0, 16, True),),
    ((1, 3, 2, 4.5, 24, False), (1, 3, 1, 3.67, 24, False)),
    ((1, 5, 2, 4, 40, True), (2, 5, 1, 6, 40, True)),
    ((2, 5, 1, 3, 48, True),),
    ((3, 5, 2, 6, 96, True),),
)
_LARGE: Stages = (
    ((1, 3, 1, 0, 16, False),),
    ((1, 3, 2, 4, 24, False), (1, 3, 1, 3, 24, False)),
    ((3, 5, 2, 3, 40, True),),
    ((1, 3, 2, 6, 80, False), (1, 3, 1, 2.5, 80, False), (2, 3, 1, 2.3, 80, False)),
    ((2, 3, 1, 6, 112, True),),
    ((3, 5, 2, 6, 160, True),),
)


class Variant(Struct, frozen=True):
    """What a name stands for. `closing` is v3's last 1 × 1 before the mean; None: EfficientNet and v2."""

    stages: Stages
    width: float = 1.0
    depth: float = 1.0
    stem: int = 32
    features: int = 1280
    closing: int | None = None
    fixed_ends: bool = False
    side: int = 224


_SCALES = ((1.0, 1.0, 224), (1.0, 1.1, 240), (1.1, 1.2, 260), (1.2, 1.4, 300), (1.4, 1.8, 380), (1.6, 2.2, 456),
           (1.8, 2.6, 528), (2.0, 3.1, 600), (2.2, 3.6, 672))  # fmt: skip
"""Of EfficientNet-B0 to B8: width, depth, side of the images."""


def _variants() -> dict[str, Variant]:
    squeezing, plain = _stages(*_B0, squeezes=True), _stages(*_B0, squeezes=False)
    found = {}
    for number, (width, depth, side) in enumerate(_SCALES):
        for prefix in ("", "tf_") if number < 8 else ("tf_",):
            found[f"timm/{prefix}efficientnet_b{number}"] = Variant(squeezing, width, depth, side=side)
            if number < 5:
                lite = Variant(plain, width, depth, fixed_ends=True, side=side)
                found[f"timm/{prefix}efficientnet_lite{number}"] = lite
    for percent in (35, 50, 75, 100, 140):
        found[f"timm/mobilenetv2_{percent:03d}"] = Variant(_stages(*_V2, squeezes=False), percent / 100)
    for name, percent in (("", 50), ("", 75), ("", 100), ("tf_", 75), ("tf_", 100)):
        found[f"timm/{name}mobilenetv3_small_{percent:03d}"] = Variant(
            _SMALL, percent / 100, stem=16, features=1024, closing=576
        )
    for name, percent in (("", 75), ("", 100), ("tf_", 75), ("tf_", 100)):
        found[f"timm/{name}mobilenetv3_large_{percent:03d}"] = Variant(
            _LARGE, percent / 100, stem=16, features=1280, closing=960
        )
    return dict(sorted(found.items()))


MODEL_TYPES: Mapping[str, Variant] = _variants()
DEFAULTS = defaults(MODEL_TYPES)

NARROW = 0.75
"""MobileNet v3 leaves the stem as it is where its widths are multiplied by less."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a network, or an InputError."""
    variant = MODEL_TYPES[model_type]
    config = read_config(model_type, parameters, variant.side)
    parameters.finish()
    network, width = Network(config.channels, config.side), variant.width
    is_v3 = variant.closing is not None
    keeps_stem = variant.fixed_ends or (is_v3 and width < NARROW)
    stem = variant.stem if keeps_stem else make_divisible(variant.stem * width)
    network.convolve("conv_stem", stem, 3, stride=2, norm="bn1")
    layers = _blocks(network, variant, of_inner=is_v3)
    if variant.closing is not None:
        name = f"blocks.{len(variant.stages)}.0"
        network.convolve(f"{name}.conv", make_divisible(variant.closing * width), norm=f"{name}.bn1")
        network.side = 1
        network.convolve("conv_head", variant.features, bias=True)
    else:
        scaled = make_divisible(variant.features * width)
        is_v2 = "mobilenetv2" in model_type
        features = variant.features if variant.fixed_ends else max(variant.features, scaled) if is_v2 else scaled
        network.convolve("conv_head", features, norm="bn2")
    features = network.channels
    network.classify("classifier", config.labels)
    return network.inventory(model_type, layers=layers, features=features, estimated=config.assumed)


def _blocks(network: Network, variant: Variant, *, of_inner: bool) -> int:
    """All blocks, and how many they are."""
    total = 0
    for stage, blocks in enumerate(variant.stages):
        is_end = variant.fixed_ends and stage in (0, len(variant.stages) - 1)
        number = 0
        for repeats, kernel, stride, expansion, channels, squeezes in blocks:
            for repeat in range(repeats if is_end else ceil(repeats * variant.depth)):
                inner = make_divisible(network.channels * expansion) if expansion else network.channels
                squeeze = make_divisible(inner / 4) if of_inner else network.channels // 4
                _block(
                    network,
                    f"blocks.{stage}.{number}",
                    inner if expansion else 0,
                    make_divisible(channels * variant.width),
                    kernel=kernel,
                    stride=1 if repeat else stride,
                    squeeze=squeeze if squeezes else 0,
                )
                number += 1
        total += number
    return total


def _block(network: Network, name: str, inner: int, outputs: int, *, kernel: int, stride: int, squeeze: int) -> None:
    """`inner` 0: a separable block."""
    if stride == 1 and outputs == network.channels:
        network.keep()
    norm = 1
    if inner:
        network.convolve(f"{name}.conv_pw", inner, norm=f"{name}.bn1")
        norm = 2
    width = network.channels
    network.convolve(f"{name}.conv_dw", width, kernel, stride=stride, groups=width, norm=f"{name}.bn{norm}")
    if squeeze:
        network.squeeze(f"{name}.se.conv_reduce", f"{name}.se.conv_expand", squeeze)
    network.convolve(f"{name}.conv_pw{'l' if inner else ''}", outputs, norm=f"{name}.bn{norm + 1}")
    network.release()
