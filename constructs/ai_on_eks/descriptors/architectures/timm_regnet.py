"""timm's RegNet: four stages of layers whose 3 × 3 convolution works in groups; Y with squeeze and excitation.

    layer    1 × 1, 3 × 3 of stride two in a stage's first layer, [squeeze and excitation], 1 × 1; and a shortcut
    squeeze  a quarter of the layer's input channels wide

Depths and widths are what the paper's linear rule gives. Names are those of timm's checkpoints.
Source: arXiv:2003.13678, §3.3 and appendix; regnet.py of timm 1.0.31.
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
    """Layers and channels of each stage, and the channels of a group."""

    depths: tuple[int, int, int, int]
    widths: tuple[int, int, int, int]
    group: int


MODEL_TYPES: Mapping[str, Variant] = {
    "timm/regnetx_002": Variant((1, 1, 4, 7), (24, 56, 152, 368), 8),
    "timm/regnetx_004": Variant((1, 2, 7, 12), (32, 64, 160, 384), 16),
    "timm/regnetx_006": Variant((1, 3, 5, 7), (48, 96, 240, 528), 24),
    "timm/regnetx_008": Variant((1, 3, 7, 5), (64, 128, 288, 672), 16),
    "timm/regnetx_016": Variant((2, 4, 10, 2), (72, 168, 408, 912), 24),
    "timm/regnetx_032": Variant((2, 6, 15, 2), (96, 192, 432, 1008), 48),
    "timm/regnetx_040": Variant((2, 5, 14, 2), (80, 240, 560, 1360), 40),
    "timm/regnetx_064": Variant((2, 4, 10, 1), (168, 392, 784, 1624), 56),
    "timm/regnetx_080": Variant((2, 5, 15, 1), (80, 240, 720, 1920), 120),
    "timm/regnetx_120": Variant((2, 5, 11, 1), (224, 448, 896, 2240), 112),
    "timm/regnetx_160": Variant((2, 6, 13, 1), (256, 512, 896, 2048), 128),
    "timm/regnetx_320": Variant((2, 7, 13, 1), (336, 672, 1344, 2520), 168),
    "timm/regnety_002": Variant((1, 1, 4, 7), (24, 56, 152, 368), 8),
    "timm/regnety_004": Variant((1, 3, 6, 6), (48, 104, 208, 440), 8),
    "timm/regnety_006": Variant((1, 3, 7, 4), (48, 112, 256, 608), 16),
    "timm/regnety_008": Variant((1, 3, 8, 2), (64, 128, 320, 768), 16),
    "timm/regnety_016": Variant((2, 6, 17, 2), (48, 120, 336, 888), 24),
    "timm/regnety_032": Variant((2, 5, 13, 1), (72, 216, 576, 1512), 24),
    "timm/regnety_040": Variant((2, 6, 12, 2), (128, 192, 512, 1088), 64),
    "timm/regnety_064": Variant((2, 7, 14, 2), (144, 288, 576, 1296), 72),
    "timm/regnety_080": Variant((2, 4, 10, 1), (168, 448, 896, 2016), 56),
    "timm/regnety_120": Variant((2, 5, 11, 1), (224, 448, 896, 2240), 112),
    "timm/regnety_160": Variant((2, 4, 11, 1), (224, 448, 1232, 3024), 112),
    "timm/regnety_320": Variant((2, 5, 12, 1), (232, 696, 1392, 3712), 232),
}
DEFAULTS = defaults(MODEL_TYPES)

IMAGE_SIZE = 224
STEM = 32
SQUEEZE = 4
"""Input channels of a layer over the width of its squeeze (arXiv:2003.13678, §4)."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a RegNet, or an InputError."""
    variant = MODEL_TYPES[model_type]
    config = read_config(model_type, parameters, IMAGE_SIZE)
    parameters.finish()
    network = Network(config.channels, config.side)
    network.convolve("stem.conv", STEM, 3, stride=2, norm="stem.bn")
    for stage, (depth, width) in enumerate(zip(variant.depths, variant.widths, strict=True), 1):
        for layer in range(1, depth + 1):
            groups = width // min(variant.group, width)
            _layer(
                network, f"s{stage}.b{layer}", width, groups, stride=2 if layer == 1 else 1, squeezes="y_" in model_type
            )
    features = network.channels
    network.classify("head.fc", config.labels)
    return network.inventory(model_type, layers=sum(variant.depths), features=features, estimated=config.assumed)


def _layer(network: Network, name: str, width: int, groups: int, *, stride: int, squeezes: bool) -> None:
    inputs, side = network.channels, network.side
    network.keep()
    network.convolve(f"{name}.conv1.conv", width, norm=f"{name}.conv1.bn")
    network.convolve(f"{name}.conv2.conv", width, 3, stride=stride, groups=groups, norm=f"{name}.conv2.bn")
    if squeezes:
        network.squeeze(f"{name}.se.fc1", f"{name}.se.fc2", round(inputs / SQUEEZE))
    network.convolve(f"{name}.conv3.conv", width, norm=f"{name}.conv3.bn")
    if stride != 1 or inputs != width:
        network.shortcut(f"{name}.downsample.conv", inputs, side, norm=f"{name}.downsample.bn", stride=stride)
    network.release()
