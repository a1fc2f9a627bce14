"""DBRX: a mixture of experts in every layer, with names of its own.

With hidden size H, A query and K key/value heads of D, E experts of width I of which a token passes k:

    attention  H × (A + 2K)·D in one matrix, A·D × H
    router     E × H,   experts  E × 3 × H × I
    norms      2H

`attn_config` and `ffn_config` hold what is said of the two halves. Experts are listed one matrix at a time, though
those of a layer are stored in one.
Source: modeling_dbrx.py of transformers 5.23.0, dbrx.py of vLLM 0.33.0, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hybrid_blocks import Block, Frame, Layers, assemble
from ai_on_eks.descriptors.architectures.hybrid_layers import Attention, Experts, attention, experts
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.inventory import Inventory, Sharding, Tensor, TensorRole

FAMILY = "transformer"
MODEL_TYPES = ("dbrx",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {"dbrx": {"tie_word_embeddings": False}}
_ATTENTION: Mapping[str, Any] = {"kv_n_heads": 1}
_FEED_FORWARD: Mapping[str, Any] = {"ffn_hidden_size": 3584, "moe_num_experts": 4, "moe_top_k": 1}
"""What transformers documents for a hyper-parameter that a published config, or a section of it, may leave out."""

_MATRICES = ("w1", "v1", "w2")


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory, or an InputError with every missing hyper-parameter."""
    hidden, heads = parameters.integer("d_model"), parameters.integer("n_heads")
    parameters.relate(("d_model", "n_heads"), hidden % heads == 0, f"{heads} heads do not divide d_model {hidden}")
    count, dimension = parameters.integer("n_layers", most=MAX_LAYERS), max(1, hidden // heads)
    half = parameters.section("attn_config", _ATTENTION)
    groups = half.integer("kv_n_heads")
    half.relate(("kv_n_heads",), heads % groups == 0, f"{groups} key/value heads do not divide {heads}")
    other = parameters.section("ffn_config", _FEED_FORWARD)
    number, chosen = other.integer("moe_num_experts"), other.integer("moe_top_k")
    message = f"a token passes {chosen} of {number} experts"
    other.relate(("moe_num_experts", "moe_top_k"), chosen <= number, message)
    inner = other.integer("ffn_hidden_size")
    frame = Frame(
        layers=count,
        hidden=hidden,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_seq_len"),
        heads=heads,
        key_value_heads=groups,
        has_head=parameters.ending("architectures", ("ForCausalLM", "Model")) != "Model",
        tied=parameters.flag("tie_word_embeddings"),
        embedding="transformer.wte.weight",
        last_norm="transformer.norm_f.weight",
    )
    parameters.finish()
    layers = Layers("transformer.blocks.*", tuple(range(count)))
    shape = Experts(hidden, number, chosen, inner)
    return assemble(
        model_type,
        frame,
        (
            _attention(layers, Attention(hidden, heads, groups, dimension)),
            experts(layers, "ffn", shape, router="router.layer", names=_MATRICES),
            Block(tuple(layers.norm(f"norm_attn_norm.norm_{number}", hidden) for number in (1, 2))),
        ),
    )


def _attention(layers: Layers, shape: Attention) -> Block:
    """Queries, keys and values are rows of one matrix: the first divide evenly, the others only up to their heads."""
    block = attention(layers, shape)
    query, key = shape.heads * shape.head_dimension, shape.key_value_heads * shape.head_dimension
    role, name = TensorRole.ATTENTION, "norm_attn_norm.attn"

    def rows(part: str, height: int, sharding: Sharding) -> Tensor:
        size = (height, shape.hidden)
        return layers.tensor(f"{name}.Wqkv.weight[{part}]", size, role, sharding, quantizable=True)

    tensors = (
        rows("queries", query, Sharding.SPLIT),
        rows("keys, values", 2 * key, Sharding.KEY_VALUE),
        layers.matrix(f"{name}.out_proj", shape.hidden, query, role),
    )
    return Block(tensors, live=block.live, states=block.states, context_flops=block.context_flops)
