"""Zamba2: Mamba-2 mixers in every layer, in some a transformer block before them, of which few sets of weights exist.

With hidden size H, A query and K key/value heads of D = 2H / A, intermediate size I, adapters of rank R, M sets of
weights that n layers take in turn:

    every layer    a Mamba-2 mixer, and H
    n layers       H × H after the block, and an adapter of R × H + 2I × R on its gate and up projection; of
                   3 × (R × 2H + 2H × R) on queries, keys and values where use_shared_attention_adapter says so
    M sets         2H × (A + 2K)·D  +  A·D × H  +  3 × H × I  +  2H + H

The block reads the layer's input and the embedding side by side, 2H. Each of the n layers keeps keys and values of its
own, and passes a token through its set, so operations count n times what is stored M times.
Names are those of the published checkpoints. Source: modeling_zamba2.py of transformers 5.23.0, zamba2.py of vLLM
0.33.0, read 2026-11-28.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hybrid_blocks import Block, Frame, Layers, assemble, depth, numbers, per_layer
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.operations import matrix_flops
from ai_on_eks.descriptors.architectures.state_space_mixers import Mamba2, mamba2
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, Sharding, Tensor, TensorRole

FAMILY = "hybrid"
MODEL_TYPES = ("zamba2",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "zamba2": {
        "tie_word_embeddings": True,
        "mamba_d_state": 64,
        "mamba_d_conv": 4,
        "mamba_expand": 2,
        "mamba_ngroups": 1,
        "n_mamba_heads": 8,
        "chunk_size": 256,
        "add_bias_linear": False,
        "num_mem_blocks": 1,
        "use_shared_attention_adapter": False,
        "adapter_rank": 128,
    }
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_PREFIX = "model.layers.*"
_MIXER, _BOTH = ("mamba", "linear_attention"), "hybrid"
_FACTOR = 4
"""Inner layers are so many times the hidden size where intermediate_size is not given."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory, or an InputError with everything that is missing."""
    hidden, count = parameters.integer("hidden_size"), depth(parameters)
    kinds = _kinds(parameters, count)
    heads = parameters.integer("num_attention_heads")
    groups = parameters.integer_or("num_key_value_heads", heads)
    message = f"{groups} key/value heads do not divide {heads} attention heads"
    parameters.relate(("num_attention_heads", "num_key_value_heads"), heads % groups == 0, message)
    message = f"{heads} heads do not divide twice the hidden size {hidden}"
    parameters.relate(("hidden_size", "num_attention_heads"), 2 * hidden % heads == 0, message)
    with_block = Layers(_PREFIX, numbers(kinds, _BOTH))
    frame = Frame(
        layers=count,
        hidden=hidden,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        heads=heads,
        key_value_heads=groups,
        has_head=parameters.ending("architectures", ("ForCausalLM", "Model")) != "Model",
        tied=parameters.flag("tie_word_embeddings"),
        last_norm="model.final_layernorm.weight",
    )
    blocks = (
        *(_mixer(Layers(_PREFIX, numbers(kinds, *one)), name, parameters, hidden) for one, name in _PLACES),
        _shared(with_block, frame, parameters),
    )
    parameters.finish()
    return assemble(model_type, frame, blocks)


_PLACES = ((_MIXER, ""), ((_BOTH,), "mamba_decoder."))
"""Layers, and where the mixer is below them."""


def _kinds(parameters: Hyperparameters, count: int) -> tuple[str, ...]:
    key = "layer_types" if parameters.has("layer_types") else "layers_block_type"
    if not parameters.has(key):
        parameters.text(key)  # required
    kinds = parameters.layer_kinds(key, (*_MIXER, _BOTH))
    per_layer(parameters, key, kinds or ("mamba",) * count, count)
    return kinds


def _mixer(layers: Layers, below: str, parameters: Hyperparameters, hidden: int) -> Block:
    heads, bias = parameters.integer("n_mamba_heads"), parameters.flag("add_bias_linear")
    inner = hidden * parameters.integer("mamba_expand")
    parameters.relate(("hidden_size", "n_mamba_heads"), inner % heads == 0, f"{heads} heads do not divide {inner}")
    shape = Mamba2(
        hidden=hidden,
        heads=heads,
        head_dimension=max(1, inner // heads),
        groups=parameters.integer("mamba_ngroups"),
        state=parameters.integer("mamba_d_state"),
        kernel=parameters.integer("mamba_d_conv"),
        chunk=parameters.integer("chunk_size"),
        in_bias=bias,
        out_bias=bias,
        window_bias=True,
    )
    if not len(layers):
        return Block(())
    mixer = mamba2(layers, shape, f"{below}mamba")
    norm = layers.norm(f"{below}input_layernorm", hidden)
    return Block((*mixer.tensors, norm), live=mixer.live, states=mixer.states, flops=mixer.flops)


def _shared(layers: Layers, frame: Frame, parameters: Hyperparameters) -> Block:
    """The transformer blocks: what is stored for each of their layers, and once for each set."""
    hidden, heads = frame.hidden, frame.heads
    inner, rank = parameters.integer_or("intermediate_size", _FACTOR * hidden), parameters.integer("adapter_rank")
    sets = min(len(layers), parameters.integer("num_mem_blocks"))
    adapted, bias = parameters.flag("use_shared_attention_adapter"), parameters.flag("add_bias_linear")
    if not len(layers):
        return Block(())
    dimension, wide = 2 * hidden // heads, 2 * hidden
    query, key = heads * dimension, frame.key_value_heads * dimension
    attention, feed_forward, once = TensorRole.ATTENTION, TensorRole.FEED_FORWARD, Sharding.REPLICATED
    stored = Layers(_PREFIX, layers.numbers[:sets])
    name = "shared_transformer"
    block = (
        stored.matrix(f"{name}.self_attn.q_proj", query, wide, attention),
        stored.matrix(f"{name}.self_attn.k_proj", key, wide, attention, Sharding.KEY_VALUE),
        stored.matrix(f"{name}.self_attn.v_proj", key, wide, attention, Sharding.KEY_VALUE),
        stored.matrix(f"{name}.self_attn.o_proj", hidden, query, attention),
        *stored.linear(f"{name}.feed_forward.gate_up_proj", 2 * inner, hidden, feed_forward, bias=bias),
        *stored.linear(f"{name}.feed_forward.down_proj", hidden, inner, feed_forward, bias=bias, divided_input=True),
    )
    norms = (
        stored.norm(f"{name}.input_layernorm", wide),
        stored.norm(f"{name}.pre_ff_layernorm", hidden),
    )
    adapters = [(f"{name}.feed_forward.gate_up_proj_adapter", hidden, 2 * inner, feed_forward)]
    if adapted:
        adapters += [(f"{name}.self_attn.linear_{part}_adapter", wide, wide, attention) for part in "qkv"]
    own: list[Tensor] = [layers.matrix("linear", hidden, hidden, TensorRole.RECURRENT, once)]
    for below, columns, rows, role in adapters:
        own.append(layers.matrix(f"{below}.0", rank, columns, role, once))
        own.append(layers.matrix(f"{below}.1", rows, rank, role))
    each = matrix_flops(block) // sets
    return Block(
        (*block, *norms, *own),
        live=hidden + max(3 * inner, 2 * query + 2 * key),
        states=(KeyValueState(len(layers), frame.key_value_heads, dimension, dimension),),
        flops=(len(layers) - sets) * each,
        context_flops=4 * len(layers) * query,
    )
