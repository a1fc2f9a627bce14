"""timm's DenseNet: each layer adds a few channels to all maps before it.

With growth g:

    stem         7 × 7 of stride two, a norm, a pool
    layer        a norm, 1 × 1 to 4g, a norm, 3 × 3 to g, which join the layer's input
    between      a norm, 1 × 1 to half of the channels, a pool

Names are those of timm's checkpoints. Source: arXiv:1608.06993, table 1; densenet.py of timm 1.0.31.
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
    """Layers of each block, channels that a layer adds, channels of the stem."""

    depths: tuple[int, ...]
    growth: int = 32
    stem: int = 64


MODEL_TYPES: Mapping[str, Variant] = {
    "timm/densenet121": Variant((6, 12, 24, 16)),
    "timm/densenet161": Variant((6, 12, 36, 24), growth=48, stem=96),
    "timm/densenet169": Variant((6, 12, 32, 32)),
    "timm/densenet201": Variant((6, 12, 48, 32)),
}
DEFAULTS = defaults(MODEL_TYPES)

IMAGE_SIZE = 224
BOTTLENECK = 4
"""Channels between the two convolutions of a layer over those it adds (arXiv:1608.06993, §3)."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a DenseNet, or an InputError."""
    variant = MODEL_TYPES[model_type]
    config = read_config(model_type, parameters, IMAGE_SIZE)
    parameters.finish()
    network = Network(config.channels, config.side)
    network.convolve("features.conv0", variant.stem, 7, stride=2, norm="features.norm0")
    network.pool(2)
    for block, depth in enumerate(variant.depths, 1):
        if block > 1:
            name = f"features.transition{block - 1}"
            network.norm(f"{name}.norm", network.channels)
            network.convolve(f"{name}.conv", network.channels // 2)
            network.pool(2, padded=False)
        for layer in range(1, depth + 1):
            name, inputs = f"features.denseblock{block}.denselayer{layer}", network.channels
            network.norm(f"{name}.norm1", inputs)
            network.keep()
            network.convolve(f"{name}.conv1", BOTTLENECK * variant.growth, norm=f"{name}.norm2")
            network.convolve(f"{name}.conv2", variant.growth, 3)
            network.join(inputs)
    features = network.channels
    network.norm("features.norm5", features)
    network.classify("classifier", config.labels)
    return network.inventory(model_type, layers=sum(variant.depths), features=features, estimated=config.assumed)
