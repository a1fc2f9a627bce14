"""Residual convolutional networks: ResNet with basic or bottleneck layers, and RegNet.

    ResNet      a 7 × 7 convolution and a pool, both of stride two; four stages of layers; a classifier
    RegNet      a 3 × 3 convolution of stride two; four stages of layers; a classifier
    basic       3 × 3, 3 × 3
    bottleneck  1 × 1 to a quarter of the channels, 3 × 3, 1 × 1
    X, Y        1 × 1, 3 × 3 in groups, 1 × 1; Y with squeeze and excitation before the last

A layer that changes the map's size has a 1 × 1 convolution in its shortcut. Sums are those of `convolution_network`.
Names and shapes are those of transformers' checkpoints. Source: modeling_resnet.py and modeling_regnet.py of
transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.convolution_images import image_side, labels_of
from ai_on_eks.descriptors.architectures.convolution_network import Network
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory

FAMILY = "cnn"
MODEL_TYPES: Mapping[str, None] = {"regnet": None, "resnet": None}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "regnet": {
        "num_labels": 2,
        "num_channels": 3,
        "embedding_size": 32,
        "groups_width": 64,
        "layer_type": "y",
        "downsample_in_first_stage": True,
    },
    "resnet": {
        "num_labels": 2,
        "num_channels": 3,
        "layer_type": "bottleneck",
        "downsample_in_first_stage": False,
        "downsample_in_bottleneck": False,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

DEFAULT_IMAGE_SIZE = 224
"""Pixels. What the published ResNets and RegNets were trained and are evaluated with (He et al. 2015, §3.4;
Radosavovic et al. 2020, §4). Not in the config."""

REDUCTION = 4
"""A bottleneck works on a quarter of its output's channels (He et al. 2015, figure 5)."""

SQUEEZE = 4
"""Squeeze and excitation works on a quarter of the layer's input channels (Radosavovic et al. 2020, §4)."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a residual network, or an InputError with every missing hyper-parameter."""
    is_resnet = model_type == "resnet"
    depths = parameters.integers("depths")
    widths = parameters.integers("hidden_sizes")
    parameters.relate(
        ("hidden_sizes", "depths"), len(depths) == len(widths), f"{len(depths)} depths, but {len(widths)} hidden_sizes"
    )
    parameters.relate(("depths",), sum(depths) <= MAX_LAYERS, f"more than {MAX_LAYERS} layers")
    kind = parameters.choice("layer_type", ("bottleneck", "basic") if is_resnet else ("x", "y"))
    if kind == "bottleneck":
        divisible = all(width % REDUCTION == 0 for width in widths)
        parameters.relate(("hidden_sizes",), divisible, f"not all divisible by {REDUCTION}")
    group = 0 if is_resnet else parameters.integer("groups_width")
    if group:
        divisible = all(width % max(1, width // group) == 0 for width in widths)
        parameters.relate(("hidden_sizes", "groups_width"), divisible, f"not all divisible into groups of {group}")
    channels, stem = parameters.integer("num_channels"), parameters.integer("embedding_size")
    early = is_resnet and parameters.flag("downsample_in_bottleneck")
    first_stride = 2 if parameters.flag("downsample_in_first_stage") else 1
    if kind == "y":
        least = min((stem, *widths))
        message = f"squeeze and excitation of {least} channels has none"
        parameters.relate(("embedding_size", "hidden_sizes"), round(least / SQUEEZE) > 0, message)
    labels = labels_of(parameters)
    side, assumed = image_side(parameters, DEFAULT_IMAGE_SIZE)
    parameters.finish()

    network = Network(channels, side)
    name = f"{model_type}.embedder.embedder"
    network.convolve(f"{name}.convolution", stem, 7 if is_resnet else 3, stride=2, norm=f"{name}.normalization")
    if is_resnet:
        network.pool(2)
    for stage, (depth, outputs) in enumerate(zip(depths, widths, strict=True)):
        for layer in range(depth):
            stride = 1 if layer else (2 if stage else first_stride)
            name = f"{model_type}.encoder.stages.{stage}.layers.{layer}"
            groups = max(1, outputs // group) if group else 1
            inner = outputs // REDUCTION if kind == "bottleneck" else outputs
            _layer(network, name, kind, (inner, outputs), stride=stride, groups=groups, early=early)
    features = network.channels
    network.classify("classifier.1", labels)
    return network.inventory(model_type, layers=sum(depths), features=features, estimated=assumed)


def _layer(
    network: Network, name: str, kind: str, widths: tuple[int, int], *, stride: int, groups: int, early: bool
) -> None:
    """One residual layer. `early` strides in the first 1 × 1 (v1) instead of the 3 × 3 (v1.5)."""
    inputs, side = network.channels, network.side
    inner, outputs = widths
    network.keep()
    if kind == "basic":
        _convolve(network, f"{name}.layer.0", outputs, 3, stride=stride)
        _convolve(network, f"{name}.layer.1", outputs, 3)
    else:
        _convolve(network, f"{name}.layer.0", inner, stride=stride if early else 1)
        _convolve(network, f"{name}.layer.1", inner, 3, stride=1 if early else stride, groups=groups)
        if kind == "y":
            # Python rounds half to even, as the library does.
            squeezed, attention = round(inputs / SQUEEZE), f"{name}.layer.2.attention"
            network.squeeze(f"{attention}.0", f"{attention}.2", squeezed)
        _convolve(network, f"{name}.layer.{3 if kind == 'y' else 2}", outputs)
    if inputs != outputs or stride != 1:
        network.shortcut(
            f"{name}.shortcut.convolution", inputs, side, norm=f"{name}.shortcut.normalization", stride=stride
        )
    network.release()


def _convolve(network: Network, name: str, outputs: int, kernel: int = 1, *, stride: int = 1, groups: int = 1) -> None:
    network.convolve(f"{name}.convolution", outputs, kernel, stride=stride, groups=groups, norm=f"{name}.normalization")
