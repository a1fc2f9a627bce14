"""Detectors of objects: DETR and Table Transformer, and YOLOS.

DETR: a ResNet, an encoder of its last map's n places, a decoder of q queries. With width d, features F, feed-forward
sizes E and D, and L labels:

    backbone  the convolutions of `convolution`; its batch norms are frozen, and no parameters
    input     d × F + d;   queries q × d
    encoder   per layer  4 × (d² + d)  +  2 × d × E + E + d  +  4d
    decoder   per layer  8 × (d² + d)  +  2 × d × D + D + d  +  6d;   a norm on top 2d, Table Transformer two
    heads     (L + 1) × d + L + 1;   boxes 2 × (d² + d) + 4d + 4

    operations per image  backbone  +  2 × n × (input, encoder, the decoder's keys and values of the image)
                          +  2 × q × (the rest of the decoder, heads)
                          +  4 × d × (encoder layers × n²  +  decoder layers × (q² + q × n))

YOLOS: a ViT with detection tokens beside its patches, and positions in the middle of the network as well.

    positions  (patches + t + 1) × H, once, and once more per layer but the last where `use_mid_position_embeddings`
    heads      two of three layers: 2 × (H² + H) + (L + 1) × H + L + 1, and 2 × (H² + H) + 4H + 4

Names are those of the published checkpoints. Source: modeling_detr.py, modeling_table_transformer.py and
modeling_yolos.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.descriptors.architectures import convolution, vision
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
MODEL_TYPES: Mapping[str, None] = {"detr": None, "table-transformer": None, "yolos": None}

_DETR: Mapping[str, Any] = {"num_labels": 2, "num_channels": 3, "num_queries": 100, "backbone": "resnet50"}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "detr": _DETR,
    "table-transformer": _DETR,
    "yolos": {
        "num_labels": 2,
        "num_channels": 3,
        "qkv_bias": True,
        "num_detection_tokens": 100,
        "use_mid_position_embeddings": True,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

SIDE = 1033
"""Pixels of a square as large as 800 × 1333, to which DETR's processor scales at most (DetrImageProcessor of
transformers 5.23.0: shortest_edge 800, longest_edge 1333)."""

ASSUMED = "images of 800 × 1333 pixels, the largest the processor makes, taken as a square"

STRIDE = 32
"""Pixels for each place of the backbone's last map."""

RESNETS: Mapping[str, Mapping[str, Any]] = {
    "resnet50": {"depths": [3, 4, 6, 3]},
    "resnet101": {"depths": [3, 4, 23, 3]},
    "resnet152": {"depths": [3, 8, 36, 3]},
} | {
    "resnet18": {"depths": [2, 2, 2, 2], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"},
    "resnet34": {"depths": [3, 4, 6, 3], "hidden_sizes": [64, 128, 256, 512], "layer_type": "basic"},
}
"""timm's names: He et al. 2015, table 1."""

_BOTTLENECKS: Mapping[str, Any] = {
    "embedding_size": 64,
    "hidden_sizes": [256, 512, 1024, 2048],
    "layer_type": "bottleneck",
    "image_size": SIDE,
}


class _Shape(Struct, frozen=True):
    """The dimensions of a DETR."""

    width: int
    heads: int
    encoder_layers: int
    encoder_inner: int
    decoder_layers: int
    decoder_inner: int
    queries: int


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a detector, or an InputError with every missing hyper-parameter."""
    return _yolos(parameters) if model_type == "yolos" else _detr(model_type, parameters)


def _detr(model_type: str, parameters: Hyperparameters) -> Inventory:
    shape = _Shape(
        width=parameters.integer("d_model"),
        heads=parameters.integer("encoder_attention_heads"),
        encoder_layers=parameters.integer("encoder_layers"),
        encoder_inner=parameters.integer("encoder_ffn_dim"),
        decoder_layers=parameters.integer("decoder_layers"),
        decoder_inner=parameters.integer("decoder_ffn_dim"),
        queries=parameters.integer("num_queries"),
    )
    message = f"{shape.heads} heads do not divide d_model {shape.width}"
    keys = ("d_model", "encoder_attention_heads")
    parameters.relate(keys, shape.width % shape.heads == 0, message)
    has_heads = parameters.ending("architectures", ("ForObjectDetection", "Model")) != "Model"
    labels = parameters.labels()
    backbone, _ = resnet_of(parameters)
    parameters.finish()

    width, prefix = shape.width, "model." if has_heads else ""
    features = backbone.hidden_size
    convolutions = frozen(backbone, prefix)
    encoder = detr_layers(f"{prefix}encoder", width, shape.encoder_inner, shape.encoder_layers)
    decoder = detr_layers(f"{prefix}decoder", width, shape.decoder_inner, shape.decoder_layers)
    crossing = (
        *attention_of(f"{prefix}decoder.layers.*.encoder_attn", width, shape.decoder_layers),
        *layer_norm(f"{prefix}decoder.layers.*.encoder_attn_layer_norm", width, shape.decoder_layers),
    )
    kind, everywhere = TensorRole.CONVOLUTION, Sharding.REPLICATED
    queries = (shape.queries, width)
    heads = (
        *whole("class_labels_classifier", labels + 1, width, TensorRole.HEAD),
        *perceptron("bbox_predictor", width, 4),
    )
    top = ("encoder.layernorm", "decoder.layernorm") if model_type == "table-transformer" else ("decoder.layernorm",)
    places = ceil_div(SIDE, STRIDE) ** 2
    return Inventory(
        architecture=model_type,
        item=Item.IMAGE,
        tensors=(
            *convolutions,
            Tensor(f"{prefix}input_projection.weight", (width, features, 1, 1), kind, everywhere),
            Tensor(f"{prefix}input_projection.bias", (width,), kind, everywhere),
            Tensor(f"{prefix}query_position_embeddings.weight", queries, TensorRole.EMBEDDING, everywhere),
            *encoder,
            *decoder,
            *crossing,
            *(tensor for name in top for tensor in layer_norm(f"{prefix}{name}", width)),
            *(heads if has_heads else ()),
        ),
        states=(),
        operations=Operations(
            per_item=body_flops(backbone)
            + places * (2 * width * features + matrix_flops(encoder) + matrix_flops(crossing) // 2)
            + shape.queries
            * (matrix_flops(decoder) + matrix_flops(crossing) // 2 + (matrix_flops(heads) if has_heads else 0))
            + 4 * width * shape.encoder_layers * places**2
            + 4 * width * shape.decoder_layers * shape.queries * (shape.queries + places)
        ),
        activations=Activations(
            per_item=max(backbone.activations.per_item, places * (width + max(2 * shape.encoder_inner, 4 * width)))
        ),
        layers=shape.encoder_layers + shape.decoder_layers,
        hidden_size=width,
        attention_heads=shape.heads,
        key_value_heads=shape.heads,
        estimated=(ASSUMED,),
    )


def resnet_of(parameters: Hyperparameters) -> tuple[Inventory, tuple[int, ...]]:
    """The ResNet, as `convolution` reads it: from `backbone_config`, or by the name timm gives it; and the channels of
    its stages."""
    if parameters.has("backbone_config"):
        defaults = {**_BOTTLENECKS, **convolution.DEFAULTS["resnet"], "model_type": "resnet"}
        section = parameters.section("backbone_config", defaults)
        if section.choice("model_type", ("resnet", "timm_backbone")) == "resnet":
            widths = section.integers("hidden_sizes")
            return convolution.read("resnet", section.without("architectures")), widths
        name, channels = section.choice("backbone", tuple(RESNETS)), section.integer("num_channels")
    else:
        name, channels = parameters.choice("backbone", tuple(RESNETS)), parameters.integer("num_channels")
    values = {**_BOTTLENECKS, **RESNETS[name], "num_channels": channels}
    resnet = convolution.read("resnet", Hyperparameters(values, convolution.DEFAULTS["resnet"]))
    return resnet, tuple(values["hidden_sizes"])


def frozen(backbone: Inventory, prefix: str) -> tuple[Tensor, ...]:
    """The convolutions; batch norms whose values are fixed are no parameters."""
    return tuple(
        replace(tensor, name=tensor.name.replace("resnet.", f"{prefix}backbone.conv_encoder.model.", 1))
        for tensor in backbone.tensors
        if len(tensor.shape) == 4
    )


def body_flops(backbone: Inventory) -> int:
    """Of the ResNet without its classifier."""
    classifier = sum(2 * tensor.parameters for tensor in backbone.tensors if tensor.name == "classifier.1.weight")
    return backbone.operations.per_item - classifier


def detr_layers(prefix: str, width: int, inner: int, layers: int) -> tuple[Tensor, ...]:
    feed_forward, prefix = TensorRole.FEED_FORWARD, f"{prefix}.layers.*"
    return (
        *attention_of(f"{prefix}.self_attn", width, layers),
        *layer_norm(f"{prefix}.self_attn_layer_norm", width, layers),
        *linear(f"{prefix}.fc1", inner, width, feed_forward, layers),
        *linear(f"{prefix}.fc2", width, inner, feed_forward, layers, divided_input=True),
        *layer_norm(f"{prefix}.final_layer_norm", width, layers),
    )


def attention_of(name: str, width: int, layers: int) -> tuple[Tensor, ...]:
    role = TensorRole.ATTENTION
    return (
        *linear(f"{name}.q_proj", width, width, role, layers),
        *linear(f"{name}.k_proj", width, width, role, layers),
        *linear(f"{name}.v_proj", width, width, role, layers),
        *linear(f"{name}.out_proj", width, width, role, layers, divided_input=True),
    )


def perceptron(name: str, width: int, outputs: int) -> tuple[Tensor, ...]:
    """Three layers."""
    return (
        *whole(f"{name}.layers.0", width, width, TensorRole.HEAD),
        *whole(f"{name}.layers.1", width, width, TensorRole.HEAD),
        *whole(f"{name}.layers.2", outputs, width, TensorRole.HEAD),
    )


def _yolos(parameters: Hyperparameters) -> Inventory:
    hidden, inner = parameters.integer("hidden_size"), parameters.integer("intermediate_size")
    layers, heads = parameters.integer("num_hidden_layers"), parameters.integer("num_attention_heads")
    message = f"{heads} heads do not divide hidden_size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), hidden % heads == 0, message)
    sides, patch = parameters.integers("image_size"), parameters.integer("patch_size")
    parameters.relate(("image_size",), len(sides) == 2, f"{len(sides)} sides, not height and width")
    height, width = sides if len(sides) == 2 else (1, 1)
    parameters.relate(("image_size",), max(height, width) <= 16_384, "more than 16384 pixels a side")
    channels, biased = parameters.integer("num_channels"), parameters.flag("qkv_bias")
    detecting, is_repeated = parameters.integer("num_detection_tokens"), parameters.flag("use_mid_position_embeddings")
    has_heads = parameters.ending("architectures", ("ForObjectDetection", "Model")) != "Model"
    labels = parameters.labels()
    parameters.finish()

    patches = (height // patch) * (width // patch)
    tokens, prefix = patches + detecting + 1, "vit" if has_heads else "yolos"
    embedding, everywhere = TensorRole.EMBEDDING, Sharding.REPLICATED
    name = f"{prefix}.embeddings"
    projection = Tensor(
        f"{name}.patch_embeddings.projection.weight",
        (hidden, channels, patch, patch),
        TensorRole.CONVOLUTION,
        everywhere,
    )
    middle = Tensor(f"{prefix}.encoder.mid_position_embeddings", (layers - 1, 1, tokens, hidden), embedding, everywhere)
    body = vision.layers_of(prefix, hidden, inner, layers, biased=biased)
    top = (
        *perceptron("class_labels_classifier", hidden, labels + 1),
        *perceptron("bbox_predictor", hidden, 4),
    )
    return Inventory(
        architecture="yolos",
        item=Item.IMAGE,
        tensors=(
            Tensor(f"{name}.cls_token", (1, 1, hidden), embedding, everywhere),
            Tensor(f"{name}.detection_tokens", (1, detecting, hidden), embedding, everywhere),
            Tensor(f"{name}.position_embeddings", (1, tokens, hidden), embedding, everywhere),
            projection,
            Tensor(f"{name}.patch_embeddings.projection.bias", (hidden,), TensorRole.CONVOLUTION, everywhere),
            *body,
            *((middle,) if is_repeated and layers > 1 else ()),
            *layer_norm(f"{prefix}.layernorm", hidden),
            *(top if has_heads else whole(f"{prefix}.pooler.dense", hidden, hidden, TensorRole.POOLER)),
        ),
        states=(),
        operations=Operations(
            per_item=2 * patches * projection.parameters
            + tokens * matrix_flops(body)
            + 4 * layers * tokens**2 * hidden
            + (detecting * matrix_flops(top) if has_heads else 2 * hidden**2)
        ),
        activations=Activations(per_item=tokens * (hidden + max(2 * inner, 4 * hidden))),
        layers=layers,
        hidden_size=hidden,
        attention_heads=heads,
        key_value_heads=heads,
    )
