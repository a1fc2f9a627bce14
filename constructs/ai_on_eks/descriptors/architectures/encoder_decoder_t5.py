"""T5, mT5 and UMT5: encoder-decoders without biases, and their encoder alone.

With hidden size H, A heads of D, intermediate size I:

    attention        3 × H × A·D  +  A·D × H
    feed-forward     2 × H × I, or 3 × H × I where it is gated
    norms            H before each block of a layer, and H after the last layer
    encoder layer    attention + feed-forward + 2H
    decoder layer    2 × attention + feed-forward + 3H
    position bias    buckets × A, in the first layer of each half (UMT5: in every layer)
    embedding        vocabulary × H, shared by both halves and the head

A·D is a width of its own: four times H in T5-3B. `tie_word_embeddings: false` means that the checkpoint stores a head
of its own (T5 1.1, Flan-T5, mT5); it is counted, although transformers 5 replaces it by the embedding when it loads it.
Positions are relative, so that no length is the longest.
Names are those of the published checkpoints.
Source: modeling_t5.py, configuration_t5.py and their mT5 and UMT5 namesakes of transformers 5.23.0; arXiv:1910.10683,
arXiv:2002.05202 (gates), read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.architectures.encoder_decoder_inventory import (
    Halves,
    Stack,
    encoder_decoder_inventory,
)
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

FAMILY = "transformer"
MODEL_TYPES: Mapping[str, bool] = {"mt5": False, "t5": False, "umt5": True}
"""Whether every layer has a position bias of its own; else only the first."""

_SHARED: Mapping[str, Any] = {"relative_attention_num_buckets": 32, "tie_word_embeddings": True}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "mt5": {**_SHARED, "feed_forward_proj": "gated-gelu"},
    "t5": {**_SHARED, "feed_forward_proj": "relu"},
    "umt5": {**_SHARED, "feed_forward_proj": "gated-gelu"},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_CLASSES = ("ForConditionalGeneration", "WithLMHeadModel", "EncoderModel", "Model")
"""Ends of class names; WithLMHeadModel is what ForConditionalGeneration was called in 2019."""


class _Shape(Struct, frozen=True):
    encoder_layers: int
    decoder_layers: int
    hidden: int
    intermediate: int
    heads: int
    head_dimension: int
    vocabulary: int
    buckets: int
    gated: bool
    bias_everywhere: bool

    def stack(self, layers: int) -> Stack:
        inner = (3 if self.gated else 2) * self.intermediate
        return Stack(layers, self.hidden, self.heads, self.head_dimension, inner)


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a T5, or an InputError with every missing hyper-parameter."""
    built = parameters.ending("architectures", _CLASSES) or "ForConditionalGeneration"
    parameters.support("is_decoder", parameters.value("is_decoder") is not True, "a decoder alone is not known")
    if built == "EncoderModel":
        encoder = read_encoder(model_type, parameters)
        parameters.finish()
        return encoder
    shape = _read_shape(model_type, parameters)
    tied = parameters.flag("tie_word_embeddings")
    parameters.finish()
    has_head = built != "Model"
    head = Tensor("lm_head.weight", (shape.vocabulary, shape.hidden), TensorRole.HEAD, Sharding.SPLIT)
    return encoder_decoder_inventory(
        model_type,
        shape.stack(shape.encoder_layers),
        shape.stack(shape.decoder_layers),
        Halves(
            encoder=_encoder_layers(shape),
            decoder=_decoder_layers(shape),
            source_projections=_projections(shape, "decoder", 1, "EncDecAttention", ("k", "v")),
        ),
        around=(
            _embedding(shape),
            *_position_bias(shape, "encoder"),
            *_position_bias(shape, "decoder"),
            _final_norm(shape, "encoder"),
            _final_norm(shape, "decoder"),
            *((head,) if has_head and not tied else ()),
        ),
        vocabulary=shape.vocabulary if has_head else 0,
        context=None,
    )


def read_encoder(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The encoder alone (T5EncoderModel), as a diffusion pipeline's text encoder or an embedding model uses it.

    Problems stay with `parameters` until its `finish`.
    """
    shape = _read_shape(model_type, parameters, has_decoder=False)
    stack, layers = shape.stack(shape.encoder_layers), _encoder_layers(shape)
    return Inventory(
        architecture=model_type,
        item=Item.TOKEN,
        tensors=(_embedding(shape), *_position_bias(shape, "encoder"), *layers, _final_norm(shape, "encoder")),
        states=(),
        operations=Operations(per_item=matrix_flops(layers), per_item_and_context_token=stack.score_flops),
        activations=Activations(per_item=stack.live),
        layers=stack.layers,
        hidden_size=stack.hidden,
        attention_heads=stack.heads,
        key_value_heads=stack.heads,
    )


def _read_shape(model_type: str, parameters: Hyperparameters, *, has_decoder: bool = True) -> _Shape:
    layers = parameters.integer("num_layers")
    activation = parameters.text("feed_forward_proj")
    gate, separator, _ = activation.partition("-")
    known = not separator or (gate == "gated" and activation.count("-") == 1)
    parameters.support("feed_forward_proj", known, f"'{activation[:80]}' is neither a function nor 'gated-' and one")
    if parameters.has("is_gated_act"):
        agrees = parameters.flag("is_gated_act") is bool(separator)
        message = f"'{activation[:80]}' says otherwise"
        parameters.relate(("feed_forward_proj", "is_gated_act"), agrees, message)
    return _Shape(
        encoder_layers=layers,
        decoder_layers=parameters.integer_or("num_decoder_layers", layers) if has_decoder else 0,
        hidden=parameters.integer("d_model"),
        intermediate=parameters.integer("d_ff"),
        heads=parameters.integer("num_heads"),
        head_dimension=parameters.integer("d_kv"),
        vocabulary=parameters.integer("vocab_size"),
        buckets=parameters.integer("relative_attention_num_buckets"),
        gated=bool(separator),
        bias_everywhere=MODEL_TYPES[model_type],
    )


def _embedding(shape: _Shape) -> Tensor:
    return Tensor("shared.weight", (shape.vocabulary, shape.hidden), TensorRole.EMBEDDING, Sharding.SPLIT)


def _position_bias(shape: _Shape, half: str) -> tuple[Tensor, ...]:
    number, count = "*", shape.encoder_layers if half == "encoder" else shape.decoder_layers
    if not shape.bias_everywhere:
        number, count = "0", 1
    name = f"{half}.block.{number}.layer.0.SelfAttention.relative_attention_bias.weight"
    return (Tensor(name, (shape.buckets, shape.heads), TensorRole.EMBEDDING, Sharding.REPLICATED, count),)


def _final_norm(shape: _Shape, half: str) -> Tensor:
    return Tensor(f"{half}.final_layer_norm.weight", (shape.hidden,), TensorRole.NORM, Sharding.REPLICATED)


def _encoder_layers(shape: _Shape) -> tuple[Tensor, ...]:
    return (
        *_projections(shape, "encoder", 0, "SelfAttention", ("q", "k", "v", "o")),
        *_feed_forward(shape, "encoder", 1),
        *_norms(shape, "encoder", 2),
    )


def _decoder_layers(shape: _Shape) -> tuple[Tensor, ...]:
    """Without cross-attention's keys and values."""
    return (
        *_projections(shape, "decoder", 0, "SelfAttention", ("q", "k", "v", "o")),
        *_projections(shape, "decoder", 1, "EncDecAttention", ("q", "o")),
        *_feed_forward(shape, "decoder", 2),
        *_norms(shape, "decoder", 3),
    )


def _projections(shape: _Shape, half: str, block: int, attention: str, names: tuple[str, ...]) -> tuple[Tensor, ...]:
    width = shape.heads * shape.head_dimension
    return tuple(
        _matrix(
            shape,
            half,
            f"{block}.{attention}.{name}",
            (shape.hidden, width) if name == "o" else (width, shape.hidden),
            TensorRole.ATTENTION,
        )
        for name in names
    )


def _feed_forward(shape: _Shape, half: str, block: int) -> tuple[Tensor, ...]:
    inputs = ("wi_0", "wi_1") if shape.gated else ("wi",)
    size = dict.fromkeys(inputs, (shape.intermediate, shape.hidden)) | {"wo": (shape.hidden, shape.intermediate)}
    return tuple(
        _matrix(shape, half, f"{block}.DenseReluDense.{name}", dimensions, TensorRole.FEED_FORWARD)
        for name, dimensions in size.items()
    )


def _matrix(shape: _Shape, half: str, name: str, size: tuple[int, int], role: TensorRole) -> Tensor:
    count = shape.encoder_layers if half == "encoder" else shape.decoder_layers
    return Tensor(f"{half}.block.*.layer.{name}.weight", size, role, Sharding.SPLIT, count, quantizable=True)


def _norms(shape: _Shape, half: str, blocks: int) -> tuple[Tensor, ...]:
    count = shape.encoder_layers if half == "encoder" else shape.decoder_layers
    return tuple(
        Tensor(
            f"{half}.block.*.layer.{block}.layer_norm.weight",
            (shape.hidden,),
            TensorRole.NORM,
            Sharding.REPLICATED,
            count,
        )
        for block in range(blocks)
    )
