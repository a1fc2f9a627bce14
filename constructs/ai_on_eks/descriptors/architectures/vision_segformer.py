"""SegFormer: a transformer in stages that labels every pixel, or the whole image.

With image side S, and in stage s widths H, d layers, heads, feed-forward I = H × mlp ratio, reduction r, patches of
p × p at a stride t, and n = (side before ÷ t)² tokens:

    patches     H × channels before × p² + H, and a norm
    per layer   4 (H² + H), two norms, 2 H I + I + H, a 3 × 3 convolution of each inner channel 10 I;
                where r > 1: r² H² + H and a norm, by which keys and values have n ÷ r² tokens
    on top      a norm of each stage;  …ForImageClassification labels × H + labels of the last;
                …ForSemanticSegmentation  each stage's tokens to D, D × H + D, all four at the first stage's places to D
                without bias, a batch norm, labels × D + labels

    operations per image  Σ stages  n × (patches + layers) + 4 × d × H × n² ÷ r²  +  the head at the first stage's n
    live per image        the largest of n × (H + max(2I, 4H)), and the head's n × stages × 2D

Names are those of the published checkpoints. Source: modeling_segformer.py of transformers 5.23.0, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.convolution_images import image_side
from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
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

FAMILY = "transformer"
MODEL_TYPES: Mapping[str, None] = {"segformer": None}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "segformer": {
        "num_labels": 2,
        "num_channels": 3,
        "sr_ratios": [8, 4, 2, 1],
        "patch_sizes": [7, 3, 3, 3],
        "strides": [4, 2, 2, 2],
        "mlp_ratios": [4, 4, 4, 4],
        "decoder_hidden_size": 256,
    }
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

USUAL_SIDE = 512
"""Pixels: SegformerImageProcessor of transformers 5.23.0, where the config names no size."""

SEGMENTS, CLASSIFIES = "ForSemanticSegmentation", "ForImageClassification"
PER_STAGE = ("depths", "hidden_sizes", "num_attention_heads", "sr_ratios", "patch_sizes", "strides", "mlp_ratios")
_WHOLE = Sharding.REPLICATED


class _Stage(Struct, frozen=True):
    number: int
    depth: int
    width: int
    heads: int
    reduction: int
    patch: int
    before: int
    inner: int
    tokens: int


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a SegFormer, or an InputError with every missing hyper-parameter."""
    side, assumed = image_side(parameters, USUAL_SIDE)
    stages = _stages(parameters, side)
    kind = parameters.ending("architectures", (SEGMENTS, CLASSIFIES, "Model"))
    labels = parameters.labels() if kind in (SEGMENTS, CLASSIFIES) else 0
    decoder = parameters.integer("decoder_hidden_size") if kind == SEGMENTS else 0
    flag = parameters.value("reshape_last_stage")
    parameters.support("reshape_last_stage", flag in (None, True), "the last stage's tokens in another shape")
    parameters.finish()

    patches = {stage.number: _patches(stage) for stage in stages}
    layers = {stage.number: _layers(stage) for stage in stages}
    first, last = stages[0], stages[-1]
    head: tuple[Tensor, ...] = ()
    head_flops = 0
    if kind == SEGMENTS:
        head = _decoder(stages, decoder, labels)
        head_flops = sum(stage.tokens * 2 * decoder * stage.width for stage in stages)
        head_flops += first.tokens * 2 * decoder * (len(stages) * decoder + labels)
    elif kind == CLASSIFIES:
        head = whole("classifier", labels, last.width, TensorRole.HEAD)
        head_flops = matrix_flops(head)
    live = [stage.tokens * (stage.width + max(2 * stage.inner, 4 * stage.width)) for stage in stages]
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(
            *(tensor for stage in stages for tensor in (*patches[stage.number], *layers[stage.number])),
            *(
                one
                for stage in stages
                for one in layer_norm(f"segformer.encoder.layer_norm.{stage.number}", stage.width)
            ),
            *head,
        ),
        states=(),
        operations=Operations(
            per_item=sum(_flops(stage, patches[stage.number], layers[stage.number]) for stage in stages) + head_flops
        ),
        activations=Activations(per_item=max(*live, first.tokens * len(stages) * 2 * decoder)),
        layers=sum(stage.depth for stage in stages),
        hidden_size=last.width,
        attention_heads=last.heads,
        key_value_heads=last.heads,
        estimated=assumed,
    )


def _stages(parameters: Hyperparameters, side: int) -> tuple[_Stage, ...]:
    given = {key: parameters.integers(key) for key in PER_STAGE}
    number = len(given["depths"])
    for key in PER_STAGE[1:]:
        message = f"{number} depths, but {len(given[key])} of {key}"
        parameters.relate(("depths", key), len(given[key]) == number, message)
    told = parameters.value("num_encoder_blocks")
    parameters.relate(("depths", "num_encoder_blocks"), told in (None, number), f"{number} depths")
    parameters.relate(("depths",), max(given["depths"], default=1) <= MAX_LAYERS, f"more than {MAX_LAYERS} layers")
    channels, found = parameters.integer("num_channels"), []
    if any(len(values) != number for values in given.values()):
        return ()
    for stage in range(number):
        width, heads = given["hidden_sizes"][stage], given["num_attention_heads"][stage]
        message = f"{heads} heads do not divide {width}"
        parameters.relate(("hidden_sizes", "num_attention_heads"), width % heads == 0, message)
        side = ceil_div(side, given["strides"][stage])
        found.append(
            _Stage(
                number=stage,
                depth=given["depths"][stage],
                width=width,
                heads=heads,
                reduction=given["sr_ratios"][stage],
                patch=given["patch_sizes"][stage],
                before=channels,
                inner=width * given["mlp_ratios"][stage],
                tokens=side**2,
            )
        )
        channels = width
    return tuple(found)


def _patches(stage: _Stage) -> tuple[Tensor, ...]:
    name = f"segformer.encoder.patch_embeddings.{stage.number}"
    shape = (stage.width, stage.before, stage.patch, stage.patch)
    return (
        Tensor(f"{name}.proj.weight", shape, TensorRole.CONVOLUTION, _WHOLE),
        Tensor(f"{name}.proj.bias", (stage.width,), TensorRole.CONVOLUTION, _WHOLE),
        *layer_norm(f"{name}.layer_norm", stage.width),
    )


def _layers(stage: _Stage) -> tuple[Tensor, ...]:
    name, width, inner, count = f"segformer.encoder.block.{stage.number}.*", stage.width, stage.inner, stage.depth
    attention, feed_forward, kernel = TensorRole.ATTENTION, TensorRole.FEED_FORWARD, TensorRole.CONVOLUTION
    inputs = tuple(
        tensor
        for part in ("query", "key", "value")
        for tensor in linear(f"{name}.attention.self.{part}", width, width, attention, count)
    )
    reduced = (
        Tensor(f"{name}.attention.self.sr.weight", (width, width, *(stage.reduction,) * 2), kernel, _WHOLE, count),
        Tensor(f"{name}.attention.self.sr.bias", (width,), kernel, _WHOLE, count),
        *layer_norm(f"{name}.attention.self.layer_norm", width, count),
    )
    return (
        *layer_norm(f"{name}.layer_norm_1", width, count),
        *inputs,
        *linear(f"{name}.attention.output.dense", width, width, attention, count, divided_input=True),
        *(reduced if stage.reduction > 1 else ()),
        *layer_norm(f"{name}.layer_norm_2", width, count),
        *linear(f"{name}.mlp.dense1", inner, width, feed_forward, count),
        Tensor(f"{name}.mlp.dwconv.dwconv.weight", (inner, 1, 3, 3), kernel, _WHOLE, count),
        Tensor(f"{name}.mlp.dwconv.dwconv.bias", (inner,), kernel, _WHOLE, count),
        *linear(f"{name}.mlp.dense2", width, inner, feed_forward, count, divided_input=True),
    )


def _decoder(stages: tuple[_Stage, ...], width: int, labels: int) -> tuple[Tensor, ...]:
    kernel, name = TensorRole.CONVOLUTION, "decode_head"
    return (
        *(one for stage in stages for one in whole(f"{name}.linear_c.{stage.number}.proj", width, stage.width, kernel)),
        Tensor(f"{name}.linear_fuse.weight", (width, len(stages) * width, 1, 1), kernel, _WHOLE),
        *layer_norm(f"{name}.batch_norm", width),
        Tensor(f"{name}.classifier.weight", (labels, width, 1, 1), TensorRole.HEAD, _WHOLE),
        Tensor(f"{name}.classifier.bias", (labels,), TensorRole.HEAD, _WHOLE),
    )


def _flops(stage: _Stage, patches: tuple[Tensor, ...], layers: tuple[Tensor, ...]) -> int:
    """Of a stage. The reduction works once for each of the tokens that it makes."""
    reduced = ceil_div(stage.tokens, stage.reduction**2)
    kernels = {tensor.name.rsplit(".", 2)[-2]: 2 * tensor.parameters for tensor in layers if len(tensor.shape) == 4}
    halves = 4 * stage.depth * stage.width**2
    return (
        stage.tokens * (2 * patches[0].parameters + matrix_flops(layers) - halves + kernels["dwconv"])
        + reduced * (halves + kernels.get("sr", 0))
        + 4 * stage.depth * stage.width * stage.tokens * reduced
    )
