"""Decoder-only transformers with gated feed-forward layers: Llama and its relatives.

Per layer, with hidden size H, A query and K key/value heads of D, intermediate size I:

    attention     H × (A + 2K)·D  +  A·D × H        (+ biases, + norms of queries and keys)
    feed-forward  3 × H × I
    norms         2H (4H where the outputs are normalized too)

    operations per token  2 × (layers' matrices + V × H)   the head is a matrix even where its weights are tied
    … and context token   4 × layers × A × D               scores and their product with the values
    activations per token max(H + 3I,  H + (A + 2K)·D + A·D)
        the residual, and beside it either the gated product with both its factors, or queries, keys, values and the
        attention's output; the scores themselves are never stored (flash attention)

Names and shapes are those of the published checkpoints.
Source: modeling_<model type>.py of transformers 5.23.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ai_on_eks.descriptors.architectures.decoder_inventory import decoder_inventory
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.inventory import (
    Inventory,
    Sharding,
    Tensor,
    TensorRole,
)

FAMILY = "transformer"


@dataclass(frozen=True, slots=True)
class Traits:
    """What sets one model type apart. A bias is `True`, `False`, or the hyper-parameter that says so."""

    input_bias: bool | str = False
    output_bias: bool | str = False
    feed_forward_bias: bool | str = False
    query_key_norms: bool = False
    output_norms: bool = False
    fused: bool = False


MODEL_TYPES: Mapping[str, Traits] = {
    "llama": Traits(input_bias="attention_bias", output_bias="attention_bias", feed_forward_bias="mlp_bias"),
    "mistral": Traits(),
    "qwen2": Traits(input_bias=True),
    "qwen3": Traits(input_bias="attention_bias", output_bias="attention_bias", query_key_norms=True),
    "phi3": Traits(fused=True),
    "gemma2": Traits(input_bias="attention_bias", output_bias="attention_bias", output_norms=True),
}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "llama": {"tie_word_embeddings": False, "attention_bias": False, "mlp_bias": False},
    "mistral": {"tie_word_embeddings": False, "num_key_value_heads": 8},
    "qwen2": {"tie_word_embeddings": False, "num_key_value_heads": 32},
    "qwen3": {"tie_word_embeddings": False, "num_key_value_heads": 32, "head_dim": 128, "attention_bias": False},
    "phi3": {"tie_word_embeddings": False},
    "gemma2": {"tie_word_embeddings": True, "num_key_value_heads": 4, "head_dim": 256, "attention_bias": False},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_SWITCHED_WINDOW = ("qwen2", "qwen3", "qwen2_moe", "qwen3_moe")
"""Model types that ignore `sliding_window` unless `use_sliding_window` says otherwise."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The dimensions of a decoder."""

    layers: int
    hidden: int
    intermediate: int
    heads: int
    key_value_heads: int
    head_dimension: int
    vocabulary: int
    context: int
    has_head: bool
    tied: bool
    input_bias: bool
    output_bias: bool
    feed_forward_bias: bool


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a decoder, or an InputError with every missing hyper-parameter."""
    traits = MODEL_TYPES[model_type]
    shape = read_shape(traits, parameters)
    assumed = assumptions(model_type, parameters)
    parameters.finish()
    attending = _fused_attention(shape) if traits.fused else attention(shape)
    feeding = _fused_feed_forward(shape) if traits.fused else feed_forward(shape)
    layers = (*attending, *feeding, *norms(shape, traits))
    return assemble(model_type, shape, layers, 3 * shape.intermediate, assumed)


def assemble(
    model_type: str, shape: Shape, layers: tuple[Tensor, ...], feed_forward_live: int, assumed: tuple[str, ...]
) -> Inventory:
    """The whole model around the tensors of its layers; `feed_forward_live` is what the block keeps beside the
    residual, in elements per token."""
    tensors = _tensors(shape, layers)
    return decoder_inventory(
        model_type, shape, tensors, feed_forward_live=feed_forward_live, residuals=1, estimated=assumed
    )


def read_shape(traits: Traits, parameters: Hyperparameters, *, reads_intermediate: bool = True) -> Shape:
    """The dimensions every decoder has. Without a dense feed-forward layer there is no `intermediate_size` to read."""
    hidden = parameters.integer("hidden_size")
    heads = parameters.integer("num_attention_heads")
    key_value_heads = parameters.integer_or("num_key_value_heads", heads)
    if not parameters.has("head_dim"):
        keys = ("hidden_size", "num_attention_heads")
        parameters.relate(keys, hidden % heads == 0, f"{heads} heads do not divide hidden_size {hidden}")
    parameters.relate(
        ("num_attention_heads", "num_key_value_heads"),
        heads % key_value_heads == 0,
        f"{key_value_heads} key/value heads do not divide {heads} attention heads",
    )

    def bias(rule: bool | str) -> bool:
        return parameters.flag(rule) if isinstance(rule, str) else rule

    return Shape(
        layers=parameters.integer("num_hidden_layers"),
        hidden=hidden,
        intermediate=parameters.integer("intermediate_size") if reads_intermediate else 0,
        heads=heads,
        key_value_heads=key_value_heads,
        head_dimension=parameters.integer_or("head_dim", max(1, hidden // heads)),
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        has_head=parameters.ending("architectures", ("ForCausalLM", "Model")) != "Model",
        tied=parameters.flag("tie_word_embeddings"),
        input_bias=bias(traits.input_bias),
        output_bias=bias(traits.output_bias),
        feed_forward_bias=bias(traits.feed_forward_bias),
    )


def _tensors(shape: Shape, layers: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    embedding = Tensor(
        "model.embed_tokens.weight", (shape.vocabulary, shape.hidden), TensorRole.EMBEDDING, Sharding.SPLIT
    )
    norm = Tensor("model.norm.weight", (shape.hidden,), TensorRole.NORM, Sharding.REPLICATED)
    head = Tensor("lm_head.weight", (shape.vocabulary, shape.hidden), TensorRole.HEAD, Sharding.SPLIT)
    return (embedding, *layers, norm, *((head,) if shape.has_head and not shape.tied else ()))


def projection(
    shape: Shape, name: str, size: tuple[int, int], role: TensorRole, sharding: Sharding, *, bias: bool
) -> tuple[Tensor, ...]:
    """A projection of every layer. The bias of a projection whose input is divided is whole on every rank."""
    name = f"model.layers.*.{name}"
    divided_input = name.endswith(("o_proj", "down_proj"))
    weight = Tensor(f"{name}.weight", size, role, sharding, shape.layers, quantizable=True)
    bias_sharding = Sharding.REPLICATED if divided_input else sharding
    return (weight, *((Tensor(f"{name}.bias", size[:1], role, bias_sharding, shape.layers),) if bias else ()))


def attention(shape: Shape) -> tuple[Tensor, ...]:
    """Queries, keys, values and output of every layer."""
    role, hidden = TensorRole.ATTENTION, shape.hidden
    query = shape.heads * shape.head_dimension
    key = shape.key_value_heads * shape.head_dimension
    bias = shape.input_bias
    return (
        *projection(shape, "self_attn.q_proj", (query, hidden), role, Sharding.SPLIT, bias=bias),
        *projection(shape, "self_attn.k_proj", (key, hidden), role, Sharding.KEY_VALUE, bias=bias),
        *projection(shape, "self_attn.v_proj", (key, hidden), role, Sharding.KEY_VALUE, bias=bias),
        *projection(shape, "self_attn.o_proj", (hidden, query), role, Sharding.SPLIT, bias=shape.output_bias),
    )


def _fused_attention(shape: Shape) -> tuple[Tensor, ...]:
    """One stored matrix, listed by its rows: queries divide evenly, keys and values only up to their heads."""
    role, hidden, name = TensorRole.ATTENTION, shape.hidden, "model.layers.*.self_attn.qkv_proj.weight"
    query = shape.heads * shape.head_dimension
    key = shape.key_value_heads * shape.head_dimension
    return (
        Tensor(f"{name}[queries]", (query, hidden), role, Sharding.SPLIT, shape.layers, quantizable=True),
        Tensor(f"{name}[keys, values]", (2 * key, hidden), role, Sharding.KEY_VALUE, shape.layers, quantizable=True),
        *projection(shape, "self_attn.o_proj", (hidden, query), role, Sharding.SPLIT, bias=shape.output_bias),
    )


def feed_forward(shape: Shape) -> tuple[Tensor, ...]:
    """Gate, up and down projection of every layer."""
    role, hidden, inner, bias = TensorRole.FEED_FORWARD, shape.hidden, shape.intermediate, shape.feed_forward_bias
    return (
        *projection(shape, "mlp.gate_proj", (inner, hidden), role, Sharding.SPLIT, bias=bias),
        *projection(shape, "mlp.up_proj", (inner, hidden), role, Sharding.SPLIT, bias=bias),
        *projection(shape, "mlp.down_proj", (hidden, inner), role, Sharding.SPLIT, bias=bias),
    )


def _fused_feed_forward(shape: Shape) -> tuple[Tensor, ...]:
    role, hidden, inner = TensorRole.FEED_FORWARD, shape.hidden, shape.intermediate
    return (
        *projection(shape, "mlp.gate_up_proj", (2 * inner, hidden), role, Sharding.SPLIT, bias=False),
        *projection(shape, "mlp.down_proj", (hidden, inner), role, Sharding.SPLIT, bias=False),
    )


def norms(shape: Shape, traits: Traits) -> tuple[Tensor, ...]:
    """The norms of every layer."""
    widths = {"input_layernorm": shape.hidden, "post_attention_layernorm": shape.hidden}
    if traits.output_norms:
        widths |= {"pre_feedforward_layernorm": shape.hidden, "post_feedforward_layernorm": shape.hidden}
    if traits.query_key_norms:
        widths |= {"self_attn.q_norm": shape.head_dimension, "self_attn.k_norm": shape.head_dimension}
    return tuple(
        Tensor(f"model.layers.*.{name}.weight", (width,), TensorRole.NORM, Sharding.REPLICATED, shape.layers)
        for name, width in widths.items()
    )


def assumptions(model_type: str, parameters: Hyperparameters) -> tuple[str, ...]:
    """A sliding window bounds what some layers keep; it is not modelled, so the cache is an upper bound."""
    if not parameters.has("sliding_window"):
        return ()
    window = parameters.integer("sliding_window")
    if model_type in _SWITCHED_WINDOW and parameters.value("use_sliding_window") is not True:
        return ()  # these ignore the window unless it is switched on
    return (f"every layer keeps the whole context; the sliding window of {window} tokens would keep less",)
