"""ConvNeXt and ConvNeXt V2: convolutional networks of four stages, without batch norms.

    stem         patches of 4 × 4 pixels, a norm
    block        7 × 7 for each channel, a norm, 1 × 1 to four times the channels, 1 × 1 back, a factor for each
                 channel; V2 has no factor, but two vectors of the inner width that normalize the responses
    between      a norm, 2 × 2 of stride two
    on top       a norm, a classifier

Sums are those of `convolution_network`. Edges that do not fill a patch are left out.
Names and shapes are those of transformers' checkpoints. Source: modeling_convnext.py and modeling_convnextv2.py of
transformers 5.23.0; arXiv:2201.03545, arXiv:2301.00808.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.convolution_images import image_side, labels_of
from ai_on_eks.descriptors.architectures.convolution_network import Network
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "cnn"
MODEL_TYPES: Mapping[str, None] = {"convnext": None, "convnextv2": None}

_SHARED: Mapping[str, Any] = {"num_labels": 2, "num_channels": 3, "patch_size": 4}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "convnext": {**_SHARED, "layer_scale_init_value": 1e-6},
    "convnextv2": _SHARED,
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

DEFAULT_IMAGE_SIZE = 224
"""Pixels. What transformers documents where the config does not say."""

EXPANSION = 4
"""Inner width of a block over its own (arXiv:2201.03545, §2.4)."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a ConvNeXt, or an InputError with every missing hyper-parameter."""
    depths = parameters.integers("depths")
    widths = parameters.integers("hidden_sizes")
    parameters.relate(
        ("hidden_sizes", "depths"), len(depths) == len(widths), f"{len(depths)} depths, but {len(widths)} hidden_sizes"
    )
    stages = parameters.integer_or("num_stages", len(depths))
    parameters.relate(("depths", "num_stages"), stages == len(depths), f"{len(depths)} depths in {stages} stages")
    parameters.relate(("depths",), sum(depths) <= MAX_LAYERS, f"more than {MAX_LAYERS} layers")
    channels, patch = parameters.integer("num_channels"), parameters.integer("patch_size")
    is_first = model_type == "convnext"
    # Zero switches the factors off; it is no number above zero, so it is looked at as it stands.
    has_factors = is_first and (parameters.value("layer_scale_init_value") != 0)
    labels = labels_of(parameters)
    side, assumed = image_side(parameters, DEFAULT_IMAGE_SIZE)
    message = f"a patch of {patch} pixels is larger than the image of {side}"
    parameters.relate(("image_size", "patch_size"), patch <= side, message)
    parameters.finish()

    network = Network(channels, side)
    name = f"{model_type}.embeddings"
    network.convolve(
        f"{name}.patch_embeddings",
        widths[0],
        patch,
        stride=patch,
        bias=True,
        norm=f"{name}.layernorm",
        padded=False,
    )
    for stage, (depth, width) in enumerate(zip(depths, widths, strict=True)):
        name = f"{model_type}.encoder.stages.{stage}"
        if stage:
            network.norm(f"{name}.downsampling_layer.0", network.channels)
            network.convolve(f"{name}.downsampling_layer.1", width, 2, stride=2, bias=True, padded=False)
        for layer in range(depth):
            _block(network, f"{name}.layers.{layer}", width, has_factors=has_factors, normalizes=not is_first)
    network.norm(f"{model_type}.layernorm", widths[-1])
    network.classify("classifier", labels)
    return network.inventory(model_type, layers=sum(depths), features=widths[-1], estimated=assumed)


def _block(network: Network, name: str, width: int, *, has_factors: bool, normalizes: bool) -> None:
    network.keep()
    if has_factors:
        network.vector(f"{name}.layer_scale_parameter", width)
    network.convolve(f"{name}.dwconv", width, 7, groups=width, bias=True, norm=f"{name}.layernorm")
    network.linear(f"{name}.pwconv1", EXPANSION * width)
    if normalizes:
        network.vector(f"{name}.grn.weight", 1, 1, 1, EXPANSION * width)
        network.vector(f"{name}.grn.bias", 1, 1, 1, EXPANSION * width)
    network.linear(f"{name}.pwconv2", width)
    network.release()
