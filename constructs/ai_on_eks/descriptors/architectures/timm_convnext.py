"""timm's ConvNeXt and ConvNeXt V2: the networks of `convnext` under timm's names.

Depths and widths stand in the papers' §3 (arXiv:2201.03545, arXiv:2301.00808) and in convnext.py of timm 1.0.31. The
smallest have 1 × 1 convolutions where the others have linear layers: the same numbers in another shape.
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
    """Layers and channels of each stage."""

    depths: tuple[int, ...]
    width: int
    convolves: bool = False
    side: int = 224


_SHALLOW, _DEEP = (3, 3, 9, 3), (3, 3, 27, 3)
MODEL_TYPES: Mapping[str, Variant] = {
    "timm/convnext_atto": Variant((2, 2, 6, 2), 40, convolves=True),
    "timm/convnext_base": Variant(_DEEP, 128),
    "timm/convnext_large": Variant(_DEEP, 192),
    "timm/convnext_nano": Variant((2, 2, 8, 2), 80, convolves=True),
    "timm/convnext_small": Variant(_DEEP, 96),
    "timm/convnext_tiny": Variant(_SHALLOW, 96),
    "timm/convnext_xlarge": Variant(_DEEP, 256),
    "timm/convnextv2_base": Variant(_DEEP, 128),
    "timm/convnextv2_huge": Variant(_DEEP, 352, side=384),
    "timm/convnextv2_large": Variant(_DEEP, 192),
    "timm/convnextv2_tiny": Variant(_SHALLOW, 96),
}
"""By name; the channels double from stage to stage."""
DEFAULTS = defaults(MODEL_TYPES)

PATCH = 4
EXPANSION = 4
"""Inner width of a block over its own (arXiv:2201.03545, §2.4)."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a ConvNeXt, or an InputError."""
    variant = MODEL_TYPES[model_type]
    config = read_config(model_type, parameters, variant.side)
    parameters.finish()
    network = Network(config.channels, config.side)
    network.convolve("stem.0", variant.width, PATCH, stride=PATCH, bias=True, norm="stem.1", padded=False)
    for stage, depth in enumerate(variant.depths):
        name = f"stages.{stage}"
        if stage:
            network.norm(f"{name}.downsample.0", network.channels)
            width = 2 * network.channels
            network.convolve(f"{name}.downsample.1", width, 2, stride=2, bias=True, padded=False)
        for layer in range(depth):
            _block(network, f"{name}.blocks.{layer}", variant, is_second="v2" in model_type)
    features = network.channels
    network.norm("head.norm", features)
    network.classify("head.fc", config.labels)
    return network.inventory(model_type, layers=sum(variant.depths), features=features, estimated=config.assumed)


def _block(network: Network, name: str, variant: Variant, *, is_second: bool) -> None:
    width = network.channels
    network.keep()
    network.convolve(f"{name}.conv_dw", width, 7, groups=width, bias=True, norm=f"{name}.norm")
    _wide(network, f"{name}.mlp.fc1", EXPANSION * width, variant)
    if is_second:
        network.norm(f"{name}.mlp.grn", EXPANSION * width)
    else:
        network.vector(f"{name}.gamma", width)
    _wide(network, f"{name}.mlp.fc2", width, variant)
    network.release()


def _wide(network: Network, name: str, outputs: int, variant: Variant) -> None:
    if variant.convolves:
        network.convolve(name, outputs, bias=True)
    else:
        network.linear(name, outputs)
