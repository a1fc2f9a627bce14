"""DETR's relatives: Conditional DETR and Deformable DETR.

As in `detection`, with width d, feed-forwards E and D, q queries, L labels:

    Conditional  queries and keys of content and of place apart: per decoder layer 12 × (d² + d) and 6d, one more d² + d
                 in the first; two perceptrons for all layers, 2 × (d² + d) and d² + d + 2d + 2; classes L × d + L
    Deformable   A heads look at p points on each of l levels: 3 × (d A l p + A l p) + 2 × (d² + d) in the place of an
                 attention over all of them; every level is brought to d, the last by a 3 × 3 convolution of its own;
                 queries 2 q d, levels l d;  heads shared by all layers, but the boxes' where they are refined

    operations per image  as in `detection`; Deformable's encoder passes the places of all levels

Two-stage Deformable DETR is not known. Names are those of the published checkpoints.
Source: modeling_conditional_detr.py and modeling_deformable_detr.py of transformers 5.23.0, read 2026-11-29.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.detection import (
    ASSUMED,
    SIDE,
    STRIDE,
    attention_of,
    body_flops,
    detr_layers,
    frozen,
    perceptron,
    resnet_of,
)
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
CONDITIONAL, DEFORMABLE = "conditional_detr", "deformable_detr"
MODEL_TYPES = (CONDITIONAL, DEFORMABLE)
_DEFAULTS: Mapping[str, Any] = {"num_labels": 2, "num_channels": 3, "num_queries": 300, "backbone": "resnet50"}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    CONDITIONAL: _DEFAULTS,
    DEFORMABLE: {
        **_DEFAULTS,
        "num_feature_levels": 4,
        "encoder_n_points": 4,
        "decoder_n_points": 4,
        "two_stage": False,
        "with_box_refine": False,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

CONTENT_AND_PLACE = ("sa_qcontent_proj", "sa_qpos_proj", "sa_kcontent_proj", "sa_kpos_proj", "sa_v_proj")
OF_QUERIES, OF_PLACES = ("ca_qcontent_proj", "ca_qpos_sine_proj"), ("ca_kcontent_proj", "ca_kpos_proj", "ca_v_proj")
LEVELS = 3
"""Maps of the ResNet that Deformable DETR takes, at 8, 16 and 32 pixels a place (arXiv:2010.04159, §4.1)."""
ATTENTION, FEED_FORWARD, HEAD = TensorRole.ATTENTION, TensorRole.FEED_FORWARD, TensorRole.HEAD
KERNEL, EMBEDDING, WHOLE = TensorRole.CONVOLUTION, TensorRole.EMBEDDING, Sharding.REPLICATED


class _Shape(Struct, frozen=True):
    width: int
    heads: tuple[int, int]
    encoder: tuple[int, int]
    decoder: tuple[int, int]
    queries: int
    labels: int


class _Parts(Struct, frozen=True):
    """Tensors by what passes them: the map once, each place of the encoder, each query."""

    once: tuple[Tensor, ...]
    places: tuple[Tensor, ...]
    queries: tuple[Tensor, ...]
    looked_at: tuple[Tensor, ...]


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a detector, or an InputError with every missing hyper-parameter."""
    width, heads = parameters.integer("d_model"), []
    for key in ("encoder_attention_heads", "decoder_attention_heads"):
        number = parameters.integer(key)
        parameters.relate(("d_model", key), width % number == 0, f"{number} heads do not divide d_model {width}")
        heads.append(number)
    has_heads = parameters.ending("architectures", ("ForObjectDetection", "Model")) != "Model"
    shape = _Shape(
        width=width,
        heads=(heads[0], heads[1]),
        encoder=(_layers(parameters, "encoder_layers"), parameters.integer("encoder_ffn_dim")),
        decoder=(_layers(parameters, "decoder_layers"), parameters.integer("decoder_ffn_dim")),
        queries=parameters.integer("num_queries"),
        labels=parameters.labels() if has_heads else 0,
    )
    backbone, widths = resnet_of(parameters)
    prefix = "model." if has_heads else ""
    if model_type == CONDITIONAL:
        parts, sides = _conditional(prefix, shape, widths[-1]), [ceil_div(SIDE, STRIDE)]
    else:
        parts, sides = _deformable(prefix, shape, widths, parameters)
    parameters.finish()

    places, layers = sum(side**2 for side in sides), shape.encoder[0]
    attended = 4 * width * places**2 * layers if model_type == CONDITIONAL else 0
    crossed = 4 * width * shape.queries * places * shape.decoder[0] if model_type == CONDITIONAL else 0
    kernels = [2 * tensor.parameters for tensor in parts.once if len(tensor.shape) == 4]
    inputs = sum(kernel * side**2 for kernel, side in zip(kernels, sides, strict=True))
    live = places * (width + max(2 * shape.encoder[1], 4 * width))
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(
            *frozen(backbone, prefix),
            *parts.once,
            *parts.places,
            *parts.looked_at,
            *parts.queries,
        ),
        states=(),
        operations=Operations(
            per_item=body_flops(backbone)
            + inputs
            + places * (matrix_flops(parts.places) + matrix_flops(parts.looked_at))
            + shape.queries * matrix_flops(parts.queries)
            + attended
            + crossed
            + 4 * width * shape.decoder[0] * shape.queries**2
        ),
        activations=Activations(per_item=max(backbone.activations.per_item, live)),
        layers=shape.encoder[0] + shape.decoder[0],
        hidden_size=width,
        attention_heads=heads[0],
        key_value_heads=heads[0],
        estimated=(ASSUMED,),
    )


def _layers(parameters: Hyperparameters, key: str) -> int:
    layers = parameters.integer(key)
    parameters.relate((key,), layers <= MAX_LAYERS, f"{layers} layers; at most {MAX_LAYERS}")
    return min(layers, MAX_LAYERS)


def _conditional(prefix: str, shape: _Shape, features: int) -> _Parts:
    width, (layers, inner), block = shape.width, shape.decoder, f"{prefix}decoder.layers.*"
    decoder = f"{prefix}decoder"
    queries = (
        *_projections(block, CONTENT_AND_PLACE, width, layers),
        *linear(f"{block}.self_attn.out_proj", width, width, ATTENTION, layers, divided_input=True),
        *layer_norm(f"{block}.self_attn_layer_norm", width, layers),
        *_projections(block, OF_QUERIES, width, layers),
        *whole(f"{decoder}.layers.0.ca_qpos_proj", width, width, ATTENTION),
        *linear(f"{block}.encoder_attn.out_proj", width, width, ATTENTION, layers, divided_input=True),
        *layer_norm(f"{block}.encoder_attn_layer_norm", width, layers),
        *_forward(block, width, inner, layers),
        *layer_norm(f"{decoder}.layernorm", width),
        *whole(f"{decoder}.query_scale.layers.0", width, width, FEED_FORWARD),
        *whole(f"{decoder}.query_scale.layers.1", width, width, FEED_FORWARD),
        *whole(f"{decoder}.ref_point_head.layers.0", width, width, FEED_FORWARD),
        *whole(f"{decoder}.ref_point_head.layers.1", 2, width, FEED_FORWARD),
        *_heads(("class_labels_classifier", "bbox_predictor"), shape),
    )
    return _Parts(
        once=(
            Tensor(f"{prefix}input_projection.weight", (width, features, 1, 1), KERNEL, WHOLE),
            Tensor(f"{prefix}input_projection.bias", (width,), KERNEL, WHOLE),
            Tensor(f"{prefix}query_position_embeddings.weight", (shape.queries, width), EMBEDDING, WHOLE),
        ),
        places=detr_layers(f"{prefix}encoder", width, shape.encoder[1], shape.encoder[0]),
        queries=queries,
        looked_at=_projections(block, OF_PLACES, width, layers),
    )


def _deformable(
    prefix: str, shape: _Shape, widths: tuple[int, ...], parameters: Hyperparameters
) -> tuple[_Parts, list[int]]:
    parameters.support("two_stage", not parameters.flag("two_stage"), "queries chosen among the encoder's places")
    refines, levels = parameters.flag("with_box_refine"), parameters.integer("num_feature_levels")
    right = LEVELS <= levels <= LEVELS + 1 and len(widths) > LEVELS
    parameters.support("num_feature_levels", right, f"{levels} levels, not {LEVELS} or {LEVELS + 1}")
    points = parameters.integer("encoder_n_points"), parameters.integer("decoder_n_points")
    width, (layers, inner), block = shape.width, shape.decoder, f"{prefix}decoder.layers.*"
    encoder = f"{prefix}encoder.layers.*"
    boxes = [f"bbox_embed.{number}" for number in range(1, layers if refines else 1)] if shape.labels else []
    queries = (
        *attention_of(f"{block}.self_attn", width, layers),
        *layer_norm(f"{block}.self_attn_layer_norm", width, layers),
        *_looking(f"{block}.encoder_attn", width, shape.heads[1] * levels * points[1], layers),
        *layer_norm(f"{block}.encoder_attn_layer_norm", width, layers),
        *_forward(block, width, inner, layers),
        *whole(f"{prefix}reference_points", 2, width, FEED_FORWARD),
        *_heads(("class_embed.0", "bbox_embed.0"), shape),
        *(tensor for name in boxes for tensor in perceptron(name, width, 4)),
    )
    places = (
        *_looking(f"{encoder}.self_attn", width, shape.heads[0] * levels * points[0], shape.encoder[0]),
        *linear(f"{encoder}.self_attn.value_proj", width, width, ATTENTION, shape.encoder[0]),
        *layer_norm(f"{encoder}.self_attn_layer_norm", width, shape.encoder[0]),
        *_forward(encoder, width, shape.encoder[1], shape.encoder[0]),
    )
    kernels = [(inputs, 1) for inputs in widths[-LEVELS:]] + [(widths[-1] if widths else 1, 3)]
    parts = _Parts(
        once=(
            Tensor(f"{prefix}level_embed", (levels, width), EMBEDDING, WHOLE),
            *(
                tensor
                for level, (inputs, kernel) in enumerate(kernels[:levels])
                for tensor in _level(f"{prefix}input_proj.{level}", (width, inputs, kernel, kernel))
            ),
            Tensor(f"{prefix}query_position_embeddings.weight", (shape.queries, 2 * width), EMBEDDING, WHOLE),
        ),
        places=places,
        queries=queries,
        looked_at=linear(f"{block}.encoder_attn.value_proj", width, width, ATTENTION, layers),
    )
    return parts, [ceil_div(SIDE, STRIDE * 2**level // 4) for level in range(min(levels, LEVELS + 1))]


def _level(name: str, shape: tuple[int, int, int, int]) -> tuple[Tensor, ...]:
    return (
        Tensor(f"{name}.0.weight", shape, KERNEL, WHOLE),
        Tensor(f"{name}.0.bias", shape[:1], KERNEL, WHOLE),
        *layer_norm(f"{name}.1", shape[0]),
    )


def _looking(name: str, width: int, sampled: int, layers: int) -> tuple[Tensor, ...]:
    """Where each query looks, at `sampled` points of all heads and levels, and how much it takes from there."""
    return (
        *linear(f"{name}.sampling_offsets", 2 * sampled, width, ATTENTION, layers),
        *linear(f"{name}.attention_weights", sampled, width, ATTENTION, layers),
        *linear(f"{name}.output_proj", width, width, ATTENTION, layers, divided_input=True),
    )


def _projections(block: str, parts: tuple[str, ...], width: int, layers: int) -> tuple[Tensor, ...]:
    return tuple(tensor for part in parts for tensor in linear(f"{block}.{part}", width, width, ATTENTION, layers))


def _forward(block: str, width: int, inner: int, layers: int) -> tuple[Tensor, ...]:
    return (
        *linear(f"{block}.fc1", inner, width, FEED_FORWARD, layers),
        *linear(f"{block}.fc2", width, inner, FEED_FORWARD, layers, divided_input=True),
        *layer_norm(f"{block}.final_layer_norm", width, layers),
    )


def _heads(names: tuple[str, str], shape: _Shape) -> tuple[Tensor, ...]:
    if not shape.labels:
        return ()
    return (*whole(names[0], shape.labels, shape.width, HEAD), *perceptron(names[1], shape.width, 4))
