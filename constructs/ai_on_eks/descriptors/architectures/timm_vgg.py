"""timm's VGG: 3 × 3 convolutions and pools, and a classifier of two wide layers.

    features     for each number a 3 × 3 convolution with a bias (and a batch norm: `_bn`), for 0 a pool of stride two
    classifier   7 × 7 to 4096, 1 × 1 to 4096, a linear layer to the labels

Names are those of timm's checkpoints. Source: Simonyan and Zisserman, arXiv:1409.1556, table 1; vgg.py of timm 1.0.31.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.architectures.convolution_network import Network
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.timm_config import defaults, read_config
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "cnn"

_POOL = 0
_FEATURES: Mapping[str, tuple[int, ...]] = {
    "vgg11": (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    "vgg13": (64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    "vgg16": (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0),
    "vgg19": (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512, 0),
}
MODEL_TYPES: Mapping[str, tuple[int, ...]] = {
    f"timm/{name}{norm}": features for name, features in _FEATURES.items() for norm in ("", "_bn")
}
DEFAULTS = defaults(MODEL_TYPES)

IMAGE_SIZE = 224
CLASSIFIER_WIDTH = 4096
CLASSIFIER_SIDE = 7
"""Of the map that the classifier takes; a smaller one is spread to it."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a VGG, or an InputError."""
    config = read_config(model_type, parameters, IMAGE_SIZE)
    parameters.finish()
    network = Network(config.channels, config.side)
    has_norms, index, layers = model_type.endswith("_bn"), 0, 0
    for width in MODEL_TYPES[model_type]:
        if width == _POOL:
            network.pool(2, padded=False)
            index += 1
            continue
        norm = f"features.{index + 1}" if has_norms else ""
        network.convolve(f"features.{index}", width, 3, bias=True, norm=norm)
        index += 3 if has_norms else 2
        layers += 1
    network.side = max(network.side, CLASSIFIER_SIDE)
    network.convolve("pre_logits.fc1", CLASSIFIER_WIDTH, CLASSIFIER_SIDE, bias=True, padded=False)
    network.convolve("pre_logits.fc2", CLASSIFIER_WIDTH, bias=True)
    network.classify("head.fc", config.labels)
    return network.inventory(model_type, layers=layers + 3, features=CLASSIFIER_WIDTH, estimated=config.assumed)
