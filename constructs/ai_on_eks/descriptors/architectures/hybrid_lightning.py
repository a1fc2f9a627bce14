"""MiniMax-Text-01 and MiniMax-M1: lightning attention, softmax attention in some layers, experts in all.

Lightning attention, with N heads of D (C = N × D):

    in  3C × H    norm  C    gate of the output  C × H    out  H × C      kept of a sequence: state N × D × D

    operations per token and element of the state  5 (decay 1, adding the outer product 2, reading 2; the decay is one
    number per head; arXiv:2501.08313, §2.2)       live per token  queries, keys, values, gate, output: 5C

Experts and attention are those of Mixtral. The state is kept in the data type of the computation (vLLM's
linear_attention_state_dtype; its release 0.23 was the last to serve these models). Source: modeling_minimax.py of
transformers 5.23.0; mamba_utils.py and model_executor/models/registry.py of vLLM 0.33.0, read 2026-11-24.
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
from ai_on_eks.descriptors.architectures.hybrid_layers import Attention, attention, experts, read_experts, read_heads
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.state_space_mixers import STATE
from ai_on_eks.descriptors.inventory import Inventory, RecurrentState, Sharding, TensorRole

FAMILY = "hybrid"
MODEL_TYPES = ("minimax",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "minimax": {
        "tie_word_embeddings": False,
        "num_key_value_heads": 8,
        "num_local_experts": 8,
        "num_experts_per_tok": 2,
    }
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_PREFIX = "model.layers.*"
_LINEAR, _FULL = "linear_attention", "full_attention"
_STEP = 5


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory, or an InputError with everything that is missing."""
    hidden, count = parameters.integer("hidden_size"), depth(parameters)
    kinds = parameters.layer_kinds("layer_types", (_LINEAR, _FULL))
    if not kinds:
        kinds = tuple(_LINEAR if number % 2 else _FULL for number in range(count))
    per_layer(parameters, "layer_types", kinds, count)
    heads, key_value_heads, dimension = read_heads(parameters, hidden)
    shape = read_experts(parameters, "num_local_experts", "intermediate_size", hidden)
    frame = Frame(
        layers=count,
        hidden=hidden,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        heads=heads,
        key_value_heads=key_value_heads,
        has_head=has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
    )
    every = Layers(_PREFIX, tuple(range(count)))
    blocks = (
        attention(Layers(_PREFIX, numbers(kinds, _FULL)), Attention(hidden, heads, key_value_heads, dimension)),
        _lightning(Layers(_PREFIX, numbers(kinds, _LINEAR)), hidden, heads, dimension),
        experts(every, "block_sparse_moe", shape, names=("w1", "w3", "w2")),
        Block(tuple(every.norm(name, hidden) for name in ("input_layernorm", "post_attention_layernorm"))),
    )
    parameters.finish()
    return assemble(model_type, frame, blocks)


def _lightning(layers: Layers, hidden: int, heads: int, dimension: int) -> Block:
    role, width, state = TensorRole.RECURRENT, heads * dimension, heads * dimension**2
    tensors = (
        layers.norm("self_attn.norm", width, Sharding.SPLIT),
        layers.matrix("self_attn.qkv_proj", 3 * width, hidden, role),
        layers.matrix("self_attn.output_gate", width, hidden, role),
        layers.matrix("self_attn.out_proj", hidden, width, role),
    )
    return Block(
        tensors,
        live=5 * width if len(layers) else 0,
        states=(RecurrentState(len(layers), state, heads, name=STATE),),
        flops=len(layers) * _STEP * state,
    )
