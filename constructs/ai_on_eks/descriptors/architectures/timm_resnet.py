"""timm's ResNet, its wide and grouped relatives, and the `d` variants.

    plain        7 × 7 of stride two, a pool; four stages of 64, 128, 256 and 512 channels (× 4 with bottlenecks)
    d            three 3 × 3 instead of the 7 × 7; shortcuts average before they change the channels (arXiv:1812.01187)
    wide         bottlenecks of twice the width (arXiv:1605.07146)
    resnext      bottlenecks in groups (arXiv:1611.05431): `32x4d` is 32 groups of 4 channels in the first stage

Names are those of timm's checkpoints. Source: He et al., arXiv:1512.03385, table 1; resnet.py of timm 1.0.31.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ai_on_eks.descriptors.architectures.convolution_network import Network
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.timm_config import defaults, read_config
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "cnn"


class Variant(Struct, frozen=True):
    """`width` is a group's in the first stage; None: basic layers without bottlenecks."""

    depths: tuple[int, ...]
    width: int | None = 64
    groups: int = 1
    deep_stem: bool = False
    side: int = 224


_18, _26, _34 = (2, 2, 2, 2), (2, 2, 2, 2), (3, 4, 6, 3)
_50, _101, _152 = (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3)

MODEL_TYPES: Mapping[str, Variant] = {
    "timm/resnet101": Variant(_101),
    "timm/resnet101d": Variant(_101, deep_stem=True, side=256),
    "timm/resnet152": Variant(_152),
    "timm/resnet152d": Variant(_152, deep_stem=True, side=256),
    "timm/resnet18": Variant(_18, width=None),
    "timm/resnet18d": Variant(_18, width=None, deep_stem=True),
    "timm/resnet26": Variant(_26),
    "timm/resnet26d": Variant(_26, deep_stem=True),
    "timm/resnet34": Variant(_34, width=None),
    "timm/resnet34d": Variant(_34, width=None, deep_stem=True),
    "timm/resnet50": Variant(_50),
    "timm/resnet50d": Variant(_50, deep_stem=True),
    "timm/resnext101_32x16d": Variant(_101, width=16, groups=32),
    "timm/resnext101_32x4d": Variant(_101, width=4, groups=32),
    "timm/resnext101_32x8d": Variant(_101, width=8, groups=32),
    "timm/resnext101_64x4d": Variant(_101, width=4, groups=64),
    "timm/resnext50_32x4d": Variant(_50, width=4, groups=32),
    "timm/resnext50d_32x4d": Variant(_50, width=4, groups=32, deep_stem=True),
    "timm/wide_resnet101_2": Variant(_101, width=128),
    "timm/wide_resnet50_2": Variant(_50, width=128),
}
DEFAULTS = defaults(MODEL_TYPES)

STEM, DEEP_STEM = 64, 32
"""Channels after the stem, and within that of three convolutions."""

EXPANSION = 4
"""Channels of a bottleneck's output over those of its stage (arXiv:1512.03385, figure 5)."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a ResNet, or an InputError."""
    variant = MODEL_TYPES[model_type]
    config = read_config(model_type, parameters, variant.side)
    parameters.finish()
    network = Network(config.channels, config.side)
    if variant.deep_stem:
        network.convolve("conv1.0", DEEP_STEM, 3, stride=2, norm="conv1.1")
        network.convolve("conv1.3", DEEP_STEM, 3, norm="conv1.4")
        network.convolve("conv1.6", STEM, 3, norm="bn1")
    else:
        network.convolve("conv1", STEM, 7, stride=2, norm="bn1")
    network.pool(2)
    for stage, depth in enumerate(variant.depths):
        planes = STEM * 2**stage
        for layer in range(depth):
            stride = 2 if stage and not layer else 1
            _layer(network, f"layer{stage + 1}.{layer}", planes, variant, stride)
    features = network.channels
    network.classify("fc", config.labels)
    return network.inventory(model_type, layers=sum(variant.depths), features=features, estimated=config.assumed)


def _layer(network: Network, name: str, planes: int, variant: Variant, stride: int) -> None:
    inputs, side = network.channels, network.side
    network.keep()
    if variant.width is None:
        network.convolve(f"{name}.conv1", planes, 3, stride=stride, norm=f"{name}.bn1")
        network.convolve(f"{name}.conv2", planes, 3, norm=f"{name}.bn2")
    else:
        inner = planes * variant.width // STEM * variant.groups
        network.convolve(f"{name}.conv1", inner, norm=f"{name}.bn1")
        network.convolve(f"{name}.conv2", inner, 3, stride=stride, groups=variant.groups, norm=f"{name}.bn2")
        network.convolve(f"{name}.conv3", EXPANSION * planes, norm=f"{name}.bn3")
    if stride != 1 or inputs != network.channels:
        # A `d` averages first, so that its 1 × 1 works on the smaller map and is the second of three modules.
        first, reached = (1, network.side) if variant.deep_stem else (0, side)
        network.shortcut(
            f"{name}.downsample.{first}",
            inputs,
            reached,
            norm=f"{name}.downsample.{first + 1}",
            stride=1 if variant.deep_stem else stride,
        )
    network.release()
