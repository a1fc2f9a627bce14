"""Swin and Swin V2: vision transformers whose layers attend within windows, in stages of ever fewer and wider tokens.

With image side S, patch side P, C channels, embedding width E, window side w, and in stage s = 0, 1, … of d layers and
h heads: width H = E × 2ˢ, intermediate size I = H × mlp_ratio, tokens n = (S / P / 2ˢ)²

    embeddings  E × C × P² + E  +  2E             (+ tokens × E learned positions)
    per layer   4 × (H × H + H)  +  (2w − 1)² × h  +  2 × H × I + I + H  +  4H
                V2: keys without bias, h factors, and biases from a network of 2 × 512 + 512 + 512 × h
    merging     2H × 4H  +  8H                    after each stage but the last: four tokens become one; V2: 4H
    on top      2F of the last width F;  a classifier, labels × F + labels

    operations per image  patches × 2 × E × C × P²  +  Σ stages  n × (layers' matrices + 4 × d × w² × H)  +  merging
    live per image        the largest of n × (H + max(2I, 4H))

Names are those of the published checkpoints, a `*` standing for a layer of a stage.
Source: modeling_swin.py and modeling_swinv2.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.encoder_parts import layer_norm, linear, whole
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
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
MODEL_TYPES: Mapping[str, None] = {"swin": None, "swinv2": None}

_DEFAULTS: Mapping[str, Any] = {
    "num_labels": 2,
    "num_channels": 3,
    "image_size": 224,
    "patch_size": 4,
    "window_size": 7,
    "mlp_ratio": 4.0,
    "qkv_bias": True,
    "use_absolute_embeddings": False,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {"swin": _DEFAULTS, "swinv2": _DEFAULTS}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

BIAS_INNER = 512
"""Inner width of the network that makes Swin V2's biases of two coordinates (arXiv:2111.09883, §3.3)."""

MAX_DEPTH = 1000
"""Layers of a stage."""


class _Stage(Struct, frozen=True):
    """One stage: `tokens` of `width`, in `depth` layers."""

    number: int
    width: int
    depth: int
    heads: int
    inner: int
    tokens: int
    prefix: str

    @property
    def is_second(self) -> bool:
        return self.prefix == "swinv2"


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a Swin transformer, or an InputError with every missing hyper-parameter."""
    depths, heads = parameters.integers("depths"), parameters.integers("num_heads")
    parameters.relate(("num_heads", "depths"), len(depths) == len(heads), f"{len(depths)} depths, {len(heads)} heads")
    parameters.relate(("depths",), max(depths, default=1) <= MAX_DEPTH, f"more than {MAX_DEPTH} layers in a stage")
    parameters.relate(("depths",), len(depths) <= 8, f"{len(depths)} stages; at most 8")
    width, window = parameters.integer("embed_dim"), parameters.integer("window_size")
    side, patch = parameters.integer("image_size"), parameters.integer("patch_size")
    parameters.relate(("image_size",), side <= 16_384, f"{side} pixels; at most 16384")
    message = f"a patch of {patch} pixels is larger than the image of {side}"
    parameters.relate(("image_size", "patch_size"), patch <= side, message)
    channels, ratio = parameters.integer("num_channels"), parameters.number("mlp_ratio")
    biased, has_positions = parameters.flag("qkv_bias"), parameters.flag("use_absolute_embeddings")
    has_head = parameters.ending("architectures", ("ForImageClassification", "Model")) == "ForImageClassification"
    labels = parameters.labels() if has_head else 0
    parameters.finish()

    places = side // patch
    stages = [
        _Stage(
            number=number,
            width=width * 2**number,
            depth=depth,
            heads=count,
            inner=int(width * 2**number * ratio),
            tokens=ceil_div(places, 2**number) ** 2,
            prefix=model_type,
        )
        for number, (depth, count) in enumerate(zip(depths, heads, strict=True))
    ]
    last = stages[-1]
    embedded = Tensor(
        f"{model_type}.embeddings.patch_embeddings.projection.weight",
        (width, channels, patch, patch),
        TensorRole.CONVOLUTION,
        Sharding.REPLICATED,
    )
    table = (1, places**2 + (1 if model_type == "swinv2" else 0), width)
    positions = (f"{model_type}.embeddings.position_embeddings", table, TensorRole.EMBEDDING)
    layers = {stage.number: _layers(stage, window, biased=biased) for stage in stages}
    merges = {stage.number: _merging(stage) for stage in stages[:-1]}
    head = whole("classifier", labels, last.width, TensorRole.HEAD) if labels else ()
    passes = sum(
        stage.tokens * (matrix_flops(layers[stage.number]) + 4 * stage.depth * window**2 * stage.width)
        + ceil_div(stage.tokens, 4) * matrix_flops(merges.get(stage.number, ()))
        for stage in stages
    )
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(
            embedded,
            Tensor(
                f"{model_type}.embeddings.patch_embeddings.projection.bias", (width,), embedded.role, embedded.sharding
            ),
            *layer_norm(f"{model_type}.embeddings.norm", width),
            *((Tensor(*positions, Sharding.REPLICATED),) if has_positions else ()),
            *(tensor for stage in stages for tensor in (*layers[stage.number], *merges.get(stage.number, ()))),
            *layer_norm(f"{model_type}.layernorm", last.width),
            *head,
        ),
        states=(),
        operations=Operations(per_item=2 * places**2 * embedded.parameters + passes + 2 * labels * last.width),
        activations=Activations(
            per_item=max(stage.tokens * (stage.width + max(2 * stage.inner, 4 * stage.width)) for stage in stages)
        ),
        layers=sum(depths),
        hidden_size=last.width,
        attention_heads=last.heads,
        key_value_heads=last.heads,
    )


def _layers(stage: _Stage, window: int, *, biased: bool) -> tuple[Tensor, ...]:
    name, width, count = f"{stage.prefix}.encoder.layers.{stage.number}.blocks.*", stage.width, stage.depth
    attention, feed_forward = TensorRole.ATTENTION, TensorRole.FEED_FORWARD
    inputs = tuple(
        tensor
        for part in ("query", "key", "value")
        for tensor in linear(f"{name}.attention.self.{part}", width, width, attention, count)
        if len(tensor.shape) == 2 or (biased and not (stage.is_second and part == "key"))
    )
    table = f"{name}.attention.self.relative_position_bias_table"
    pairs = ((2 * window - 1) ** 2, stage.heads)
    distances: tuple[Tensor, ...] = (Tensor(table, pairs, TensorRole.EMBEDDING, Sharding.REPLICATED, count),)
    if stage.is_second:
        distances = _biases(f"{name}.attention.self", stage.heads, count)
    return (
        *inputs,
        *linear(f"{name}.attention.output.dense", width, width, attention, count, divided_input=True),
        *distances,
        *linear(f"{name}.intermediate.dense", stage.inner, width, feed_forward, count),
        *linear(f"{name}.output.dense", width, stage.inner, feed_forward, count, divided_input=True),
        *layer_norm(f"{name}.layernorm_before", width, count),
        *layer_norm(f"{name}.layernorm_after", width, count),
    )


def _merging(stage: _Stage) -> tuple[Tensor, ...]:
    """Four neighbours side by side, to twice the width."""
    name, width = f"{stage.prefix}.encoder.layers.{stage.number}.downsample", stage.width
    shape = (2 * width, 4 * width)
    reduction = Tensor(
        f"{name}.reduction.weight", shape, TensorRole.FEED_FORWARD, Sharding.REPLICATED, quantizable=True
    )
    return (reduction, *layer_norm(f"{name}.norm", (2 if stage.is_second else 4) * width))


def _biases(name: str, heads: int, count: int) -> tuple[Tensor, ...]:
    """Swin V2's factor of each head and the network of distances, which works once per layer."""
    role, network = TensorRole.EMBEDDING, f"{name}.continuous_position_bias_mlp"
    return (
        Tensor(f"{name}.logit_scale", (heads, 1, 1), role, Sharding.REPLICATED, count),
        Tensor(f"{network}.0.weight", (BIAS_INNER, 2), role, Sharding.REPLICATED, count),
        Tensor(f"{network}.0.bias", (BIAS_INNER,), role, Sharding.REPLICATED, count),
        Tensor(f"{network}.2.weight", (heads, BIAS_INNER), role, Sharding.REPLICATED, count),
    )
