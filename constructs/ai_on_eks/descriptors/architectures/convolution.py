"""Residual convolutional networks: ResNet with basic or bottleneck layers.

    parameters of a convolution    out × in × kernel², and 2 × out of its batch norm
    operations of a convolution    2 × out × in × kernel² × (output side)²
    classifier                     labels × features + labels, 2 × labels × features operations
    activations per image          the largest sum of maps alive at once: the block's input (kept for the shortcut),
                                   the convolution's own input and its output

The two running statistics of a batch norm are stored but not parameters: 0.2 % of ResNet-50, left out.
The side of a map halves, rounded up, with each stride of two.
Names and shapes are those of transformers' checkpoints. Source: modeling_resnet.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import (
    Activations,
    Inventory,
    Item,
    Operations,
    Sharding,
    Tensor,
    TensorRole,
)
from ai_on_eks.units import ceil_div

FAMILY = "cnn"
MODEL_TYPES: Mapping[str, None] = {"resnet": None}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
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
"""Pixels. What the published ResNets were trained and are evaluated with (He et al. 2015, §3.4). Not in the config."""

REDUCTION = 4
"""A bottleneck works on a quarter of its output's channels (He et al. 2015, figure 5)."""


@dataclass(frozen=True, slots=True)
class _Convolution:
    """One convolution at its place: `held` is what has to stay in memory beside its input and output."""

    name: str
    inputs: int
    outputs: int
    kernel: int
    input_side: int
    output_side: int
    held: int = 0

    @property
    def flops(self) -> int:
        return 2 * self.outputs * self.inputs * self.kernel**2 * self.output_side**2

    @property
    def live(self) -> int:
        return self.held + self.inputs * self.input_side**2 + self.outputs * self.output_side**2

    def tensors(self) -> tuple[Tensor, ...]:
        shape = (self.outputs, self.inputs, self.kernel, self.kernel)
        norm = (self.outputs,)
        return (
            Tensor(f"{self.name}.convolution.weight", shape, TensorRole.CONVOLUTION, Sharding.REPLICATED, 1, True),
            Tensor(f"{self.name}.normalization.weight", norm, TensorRole.NORM, Sharding.REPLICATED),
            Tensor(f"{self.name}.normalization.bias", norm, TensorRole.NORM, Sharding.REPLICATED),
        )


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a residual network, or an InputError with every missing hyper-parameter."""
    depths = parameters.integers("depths")
    widths = parameters.integers("hidden_sizes")
    parameters.relate(
        ("hidden_sizes", "depths"), len(depths) == len(widths), f"{len(depths)} depths, but {len(widths)} hidden_sizes"
    )
    parameters.relate(("depths",), max(depths, default=1) <= 1000, "more than 1000 layers in a stage")
    kind = parameters.choice("layer_type", ("bottleneck", "basic"))
    if kind == "bottleneck":
        divisible = all(width % REDUCTION == 0 for width in widths)
        parameters.relate(("hidden_sizes",), divisible, f"not all divisible by {REDUCTION}")
    channels, stem = parameters.integer("num_channels"), parameters.integer("embedding_size")
    early = parameters.flag("downsample_in_bottleneck")
    first_stride = 2 if parameters.flag("downsample_in_first_stage") else 1
    labels = parameters.labels()
    side = parameters.integer_or("image_size", DEFAULT_IMAGE_SIZE)
    parameters.relate(("image_size",), side <= 16_384, f"{side} pixels; at most 16384")
    parameters.finish()

    convolutions = [
        _Convolution("resnet.embedder.embedder", channels, stem, 7, side, ceil_div(side, 2)),
    ]
    inputs, side = stem, ceil_div(ceil_div(side, 2), 2)
    for stage, (depth, outputs) in enumerate(zip(depths, widths, strict=True)):
        for layer in range(depth):
            stride = 1 if layer else (2 if stage else first_stride)
            name = f"resnet.encoder.stages.{stage}.layers.{layer}"
            block = _block(name, inputs, outputs, side, stride, bottleneck=kind == "bottleneck", early=early)
            convolutions += block
            inputs, side = outputs, ceil_div(side, stride)
    classifier = (
        Tensor("classifier.1.weight", (labels, inputs), TensorRole.HEAD, Sharding.REPLICATED, 1, True),
        Tensor("classifier.1.bias", (labels,), TensorRole.HEAD, Sharding.REPLICATED),
    )
    assumed = f"images of {DEFAULT_IMAGE_SIZE} × {DEFAULT_IMAGE_SIZE} pixels: the config does not say"
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(*(tensor for one in convolutions for tensor in one.tensors()), *classifier),
        states=(),
        operations=Operations(per_item=sum(one.flops for one in convolutions) + 2 * labels * inputs),
        activations=Activations(per_item=max(one.live for one in convolutions)),
        layers=sum(depths),
        hidden_size=inputs,
        estimated=() if parameters.has("image_size") else (assumed,),
    )


def _block(
    name: str, inputs: int, outputs: int, side: int, stride: int, *, bottleneck: bool, early: bool
) -> list[_Convolution]:
    """The convolutions of one residual layer. `early` strides in the first 1×1 (v1) instead of the 3×3 (v1.5)."""
    small = ceil_div(side, stride)
    kept = inputs * side**2
    if bottleneck:
        inner = outputs // REDUCTION
        middle = small if early else side
        main = [
            _Convolution(f"{name}.layer.0", inputs, inner, 1, side, middle),
            _Convolution(f"{name}.layer.1", inner, inner, 3, middle, small, kept),
            _Convolution(f"{name}.layer.2", inner, outputs, 1, small, small, kept),
        ]
    else:
        main = [
            _Convolution(f"{name}.layer.0", inputs, outputs, 3, side, small),
            _Convolution(f"{name}.layer.1", outputs, outputs, 3, small, small, kept),
        ]
    if inputs == outputs and stride == 1:
        return main
    shortcut = _Convolution(f"{name}.shortcut", inputs, outputs, 1, side, small, held=outputs * small**2)
    return [shortcut, *main]
