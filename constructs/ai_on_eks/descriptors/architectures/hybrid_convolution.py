"""LFM2: short gated convolutions, and attention in some layers; dense or with experts.

    convolution    3H × H in, window H × k, H × H out      kept of a sequence: window (k − 1) × H, no other state
    attention      H × (A + 2K)·D + A·D × H + 2D           queries and keys are normalized
    feed-forward   3 × H × I; of `lfm2` I is two thirds of the config's, × a factor, rounded up to whole multiples
    experts        in all layers after num_dense_layers of `lfm2_moe`; the correction bias of its router is a buffer
    norms          2H

    operations beside the matrices   (2 × k + 2) × H per convolution: window, and its two gates
    live per token                   3H of the input and 2H of the gated products

Tensor parallelism divides the channels. Source: modeling_lfm2.py and modeling_lfm2_moe.py of transformers 5.23.0;
mamba_utils.py (short_conv_state_shape) and short_conv.py of vLLM 0.33.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hybrid_blocks import (
    Block,
    Frame,
    Layers,
    assemble,
    depth,
    has_head,
    numbers,
    per_layer,
)
from ai_on_eks.descriptors.architectures.hybrid_layers import (
    Attention,
    attention,
    experts,
    feed_forward,
    read_experts,
    read_heads,
)
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.state_space_mixers import WINDOW, window
from ai_on_eks.descriptors.inventory import Inventory, RecurrentState, TensorRole
from ai_on_eks.units import ceil_div

FAMILY = "hybrid"
MODEL_TYPES = ("lfm2", "lfm2_moe")

_BOTH: Mapping[str, Any] = {
    "tie_word_embeddings": True,
    "num_key_value_heads": 8,
    "conv_bias": False,
    "conv_L_cache": 3,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "lfm2": {
        **_BOTH,
        "block_auto_adjust_ff_dim": True,
        "block_ffn_dim_multiplier": 1.0,
        "block_multiple_of": 256,
    },
    "lfm2_moe": {**_BOTH, "num_dense_layers": 2, "num_experts": 32, "num_experts_per_tok": 4},
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_PREFIX = "model.layers.*"
_NAMES = ("w1", "w3", "w2")
_FULL, _SHORT = "full_attention", "conv"


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory, or an InputError with everything that is missing."""
    hidden, count = parameters.integer("hidden_size"), depth(parameters)
    kinds = _kinds(parameters, count)
    heads, key_value_heads, dimension = read_heads(parameters, hidden)
    shape = Attention(
        hidden,
        heads,
        key_value_heads,
        dimension,
        output="out_proj",
        norms={"q_layernorm": dimension, "k_layernorm": dimension},
    )
    tie = "tie_embedding" if parameters.has("tie_embedding") else "tie_word_embeddings"
    frame = Frame(
        layers=count,
        hidden=hidden,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        heads=heads,
        key_value_heads=key_value_heads,
        has_head=has_head(parameters),
        tied=parameters.flag(tie),
        last_norm="model.embedding_norm.weight",
    )
    every = Layers(_PREFIX, tuple(range(count)))
    blocks = (
        attention(Layers(_PREFIX, numbers(kinds, _FULL)), shape),
        _convolution(Layers(_PREFIX, numbers(kinds, _SHORT)), parameters, hidden),
        *_feeding(model_type, every, parameters, hidden),
        Block(tuple(every.norm(name, hidden) for name in ("operator_norm", "ffn_norm"))),
    )
    parameters.finish()
    return assemble(model_type, frame, blocks)


def _kinds(parameters: Hyperparameters, count: int) -> tuple[str, ...]:
    """From `layer_types`, else from the numbers of the layers with attention; without either all have it."""
    kinds = parameters.layer_kinds("layer_types", (_FULL, _SHORT))
    if kinds:
        per_layer(parameters, "layer_types", kinds, count)
        return kinds
    if not parameters.has("full_attn_idxs"):
        return (_FULL,) * count
    attending = set(parameters.layer_numbers("full_attn_idxs"))
    return tuple(_FULL if number in attending else _SHORT for number in range(count))


def _convolution(layers: Layers, parameters: Hyperparameters, hidden: int) -> Block:
    kernel, bias = parameters.integer("conv_L_cache"), parameters.flag("conv_bias")
    role = TensorRole.RECURRENT
    tensors = (
        *window(layers, "conv.conv", hidden, kernel, bias=bias),
        *layers.linear("conv.in_proj", 3 * hidden, hidden, role, bias=bias),
        *layers.linear("conv.out_proj", hidden, hidden, role, bias=bias, divided_input=True),
    )
    return Block(
        tensors,
        live=5 * hidden if len(layers) else 0,
        states=(RecurrentState(len(layers), (kernel - 1) * hidden, hidden, name=WINDOW),),
        flops=len(layers) * (2 * kernel + 2) * hidden,
    )


def _feeding(model_type: str, every: Layers, parameters: Hyperparameters, hidden: int) -> tuple[Block, ...]:
    if model_type == "lfm2":
        return (feed_forward(every, "feed_forward", hidden, _adjusted(parameters), names=_NAMES),)
    dense = min(len(every), parameters.integer("num_dense_layers", least=0))
    shape = read_experts(parameters, "num_experts", "moe_intermediate_size", hidden)
    inner = parameters.integer("intermediate_size") if dense else 0
    return (
        feed_forward(Layers(_PREFIX, every.numbers[:dense]), "feed_forward", hidden, inner, names=_NAMES),
        experts(Layers(_PREFIX, every.numbers[dense:]), "feed_forward", shape, names=_NAMES),
    )


def _adjusted(parameters: Hyperparameters) -> int:
    """The width that is used, from the one that is written."""
    inner = parameters.integer("block_ff_dim" if parameters.has("block_ff_dim") else "intermediate_size")
    if not parameters.flag("block_auto_adjust_ff_dim"):
        return inner
    inner = 2 * inner // 3
    factor, multiple = parameters.number("block_ffn_dim_multiplier"), parameters.integer("block_multiple_of")
    return multiple * ceil_div(int(factor * inner), multiple)
