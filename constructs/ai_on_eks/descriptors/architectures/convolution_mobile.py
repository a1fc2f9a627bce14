"""Networks of depthwise convolutions: MobileNet v1 and v2, EfficientNet.

    v1            3 × 3 for each channel, then 1 × 1
    v2            1 × 1 to more channels, 3 × 3 for each of them, 1 × 1 back; a shortcut around
    EfficientNet  as v2, with squeeze and excitation before the last 1 × 1

Widths are scaled by a factor and rounded to multiples of eight. Sums are those of `convolution_network`.
Names and shapes are those of transformers' checkpoints. Source: modeling_mobilenet_v1.py, modeling_mobilenet_v2.py and
modeling_efficientnet.py of transformers 5.23.0; arXiv:1704.04861, arXiv:1801.04381, arXiv:1905.11946.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from ai_on_eks.descriptors.architectures.convolution_images import image_side, labels_of
from ai_on_eks.descriptors.architectures.convolution_network import Network, make_divisible
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "cnn"
MODEL_TYPES: Mapping[str, None] = {"efficientnet": None, "mobilenet_v1": None, "mobilenet_v2": None}

_MOBILE: Mapping[str, Any] = {"num_labels": 2, "num_channels": 3, "depth_multiplier": 1.0, "min_depth": 8}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "efficientnet": {
        "num_labels": 2,
        "num_channels": 3,
        "depth_divisor": 8,
        "kernel_sizes": [3, 3, 5, 3, 5, 5, 3],
        "in_channels": [32, 16, 24, 40, 80, 112, 192],
        "out_channels": [16, 24, 40, 80, 112, 192, 320],
        "strides": [1, 2, 2, 2, 1, 2, 1],
        "num_block_repeats": [1, 2, 2, 3, 3, 4, 1],
        "expand_ratios": [1, 6, 6, 6, 6, 6, 6],
        "squeeze_expansion_ratio": 0.25,
    },
    "mobilenet_v1": _MOBILE,
    "mobilenet_v2": {
        **_MOBILE,
        "depth_divisible_by": 8,
        "expand_ratio": 6.0,
        "output_stride": 32,
        "first_layer_is_expansion": True,
        "finegrained_output": True,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

DEFAULT_IMAGE_SIZE = 224
"""Pixels. What transformers documents for MobileNets whose config does not say."""

MAX_FACTOR = 1000
"""Of widths and depths; the largest published is 5.3."""

_V1_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
"""Of the thirteen pairs of convolutions (arXiv:1704.04861, table 1); the channels double at the first and each two."""

_V2_WIDTHS = (16, 24, 24, 32, 32, 32, 64, 64, 64, 64, 96, 96, 96, 160, 160, 160, 320)
_V2_STRIDES = (2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1)
"""Of the stem and the sixteen blocks after it (arXiv:1801.04381, table 2)."""

STEM = 32
TOP = 1280
"""Channels of the first and the last convolution, unscaled, in MobileNet v2 and EfficientNet."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a network, or an InputError with every missing hyper-parameter."""
    if model_type == "efficientnet":
        return _efficientnet(parameters)
    labels = labels_of(parameters)
    side, assumed = image_side(parameters, DEFAULT_IMAGE_SIZE)
    factor, least = parameters.number("depth_multiplier"), parameters.integer("min_depth")
    parameters.relate(("depth_multiplier",), factor <= MAX_FACTOR, f"{factor:g}; at most {MAX_FACTOR}")
    network = Network(parameters.integer("num_channels"), side)
    if model_type == "mobilenet_v1":
        parameters.finish()
        layers = _v1(network, factor, least)
    else:
        layers = _v2(network, factor, least, parameters)
    features = network.channels
    network.classify("classifier", labels)
    return network.inventory(model_type, layers=layers, features=features, estimated=assumed)


def _convolve(network: Network, name: str, outputs: int, kernel: int = 1, *, stride: int = 1, groups: int = 1) -> None:
    network.convolve(f"{name}.convolution", outputs, kernel, stride=stride, groups=groups, norm=f"{name}.normalization")


def _v1(network: Network, factor: float, least: int) -> int:
    depth = STEM
    _convolve(network, "mobilenet_v1.conv_stem", max(int(depth * factor), least), 3, stride=2)
    for pair, stride in enumerate(_V1_STRIDES):
        depth *= 2 if stride == 2 or pair == 0 else 1
        name = "mobilenet_v1.layer"
        _convolve(network, f"{name}.{2 * pair}", network.channels, 3, stride=stride, groups=network.channels)
        _convolve(network, f"{name}.{2 * pair + 1}", max(int(depth * factor), least))
    return 2 * len(_V1_STRIDES) + 1


def _v2(network: Network, factor: float, least: int, parameters: Hyperparameters) -> int:
    divisor, ratio = parameters.integer("depth_divisible_by"), parameters.number("expand_ratio")
    parameters.relate(("expand_ratio",), ratio <= MAX_FACTOR, f"{ratio:g}; at most {MAX_FACTOR}")
    deepest = parameters.integer("output_stride")
    known = deepest in (8, 16, 32)
    parameters.support("output_stride", known, f"an output stride of {deepest}; known are 8, 16 and 32")
    expands_first = not parameters.flag("first_layer_is_expansion")
    fine = parameters.flag("finegrained_output") and factor < 1
    parameters.finish()

    def scaled(width: int) -> int:
        return make_divisible(round(width * factor), divisor, least)

    stem = "mobilenet_v2.conv_stem"
    _convolve(network, f"{stem}.first_conv", scaled(STEM), 3, stride=2)
    if expands_first:
        _convolve(network, f"{stem}.expand_1x1", network.channels)
    _convolve(network, f"{stem}.conv_3x3", network.channels, 3, groups=network.channels)
    _convolve(network, f"{stem}.reduce_1x1", scaled(_V2_WIDTHS[0]))
    reached = 2
    for number, (width, wanted) in enumerate(zip(_V2_WIDTHS[1:], _V2_STRIDES, strict=True)):
        # Beyond the greatest stride the windows are spread instead: the map keeps its size.
        stride = 1 if reached == deepest else wanted
        reached *= stride
        inputs, outputs, name = network.channels, scaled(width), f"mobilenet_v2.layer.{number}"
        inner = make_divisible(round(inputs * ratio), divisor, least)
        if stride == 1 and inputs == outputs:
            network.keep()
        _convolve(network, f"{name}.expand_1x1", inner)
        _convolve(network, f"{name}.conv_3x3", inner, 3, stride=stride, groups=inner)
        _convolve(network, f"{name}.reduce_1x1", outputs)
        network.release()
    _convolve(network, "mobilenet_v2.conv_1x1", TOP if fine else scaled(TOP))
    return len(_V2_WIDTHS) + 1


def _efficientnet(parameters: Hyperparameters) -> Inventory:
    labels = labels_of(parameters)
    side = parameters.integer("image_size")
    side, assumed = image_side(parameters, side)
    width, depth = parameters.number("width_coefficient"), parameters.number("depth_coefficient")
    squeeze = parameters.number("squeeze_expansion_ratio")
    for key, factor in (
        ("width_coefficient", width),
        ("depth_coefficient", depth),
        ("squeeze_expansion_ratio", squeeze),
    ):
        parameters.relate((key,), factor <= MAX_FACTOR, f"{factor:g}; at most {MAX_FACTOR}")
    divisor = parameters.integer("depth_divisor")
    keys = ("in_channels", "out_channels", "kernel_sizes", "strides", "expand_ratios", "num_block_repeats")
    stages = tuple(parameters.integers(key) for key in keys)
    same = len({len(stage) for stage in stages}) == 1
    parameters.relate(keys, same, "not as many entries in each list of stages")
    blocks = sum(ceil(depth * repeats) for repeats in stages[-1])
    parameters.relate(keys[-1:], blocks <= MAX_LAYERS, f"more than {MAX_LAYERS} blocks")
    top = make_divisible(TOP * width, divisor)
    features = parameters.integer("hidden_dim")
    message = f"{features} features, but the last convolution has {top}"
    parameters.relate(("hidden_dim", "width_coefficient"), top == features, message)
    network = Network(parameters.integer("num_channels"), side)
    parameters.finish()

    name = "efficientnet.embeddings"
    network.convolve(
        f"{name}.convolution", make_divisible(STEM * width, divisor), 3, stride=2, norm=f"{name}.batchnorm"
    )
    number = 0
    for inputs, outputs, kernel, stride, ratio, repeats in zip(*stages, strict=True):
        wanted = make_divisible(inputs * width, divisor)
        parameters.relate(("in_channels",), network.channels == wanted, f"{inputs} channels do not follow")
        parameters.finish()
        for repeat in range(ceil(depth * repeats)):
            _efficient_block(
                network,
                f"efficientnet.encoder.blocks.{number}",
                make_divisible(outputs * width, divisor),
                kernel,
                stride=1 if repeat else stride,
                inner=network.channels * ratio,
                squeeze=max(1, int(network.channels * squeeze)),
                is_first=repeat == 0,
            )
            number += 1
    name = "efficientnet.encoder.top"
    network.convolve(f"{name}_conv", features, norm=f"{name}_bn")
    network.classify("classifier", labels)
    return network.inventory("efficientnet", layers=number, features=features, estimated=assumed)


def _efficient_block(
    network: Network, name: str, outputs: int, kernel: int, *, stride: int, inner: int, squeeze: int, is_first: bool
) -> None:
    """One block; the first of a stage has no shortcut."""
    if not is_first:
        network.keep()
    if inner != network.channels:
        part = f"{name}.expansion.expand"
        network.convolve(f"{part}_conv", inner, norm=f"{part}_bn")
    part = f"{name}.depthwise_conv.depthwise"
    network.convolve(f"{part}_conv", inner, kernel, stride=stride, groups=inner, norm=f"{part}_norm")
    part = f"{name}.squeeze_excite"
    network.squeeze(f"{part}.reduce", f"{part}.expand", squeeze)
    part = f"{name}.projection.project"
    network.convolve(f"{part}_conv", outputs, norm=f"{part}_bn")
    network.release()
