"""Decoders of Mamba mixers and attention, each layer with a feed-forward part: Jamba, Bamba, Granite 4, Falcon-H1.

    layer  Mamba or Mamba-2 mixer, or attention (Falcon-H1: both, side by side)
           + feed-forward 3 × H × I, or experts (every other layer of Jamba, all of Granite's mixtures)
           + 2 norms of H

    Jamba      Mamba with normed time step, B and C; attention where number % attn_layer_period = attn_layer_offset,
               experts where number % expert_layer_period = expert_layer_offset
    Bamba      Mamba-2; attention where attn_layer_indices says so
    Granite 4  Mamba-2; attention where layer_types says so; 3 × H × shared_intermediate_size in every layer, gate and
               up in one matrix, and beside it E experts of 3 × H × I where E > 0
    Falcon-H1  Mamba-2 of mamba_d_ssm channels, its norm only where mamba_rms_norm says so

The state is kept in the data type of the computation (vLLM 0.33.0, model_executor/models/<model type>.py).
Names are those of the published checkpoints; rows of matrices stored as one are listed apart where they divide
differently. Source: modeling_<model type>.py of transformers 5.23.0, read 2026-11-24.
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
from ai_on_eks.descriptors.architectures.hyperparameters import MAX_LAYERS, Hyperparameters
from ai_on_eks.descriptors.architectures.state_space import time_step_rank
from ai_on_eks.descriptors.architectures.state_space_mixers import Mamba, Mamba2, mamba, mamba2
from ai_on_eks.descriptors.inventory import Inventory, TensorRole

FAMILY = "hybrid"
MODEL_TYPES = ("bamba", "falcon_h1", "granitemoehybrid", "jamba")

_MAMBA: Mapping[str, Any] = {
    "tie_word_embeddings": False,
    "mamba_d_conv": 4,
    "mamba_expand": 2,
    "mamba_conv_bias": True,
    "mamba_proj_bias": False,
}
_MAMBA2: Mapping[str, Any] = {
    **_MAMBA,
    "attention_bias": False,
    "mamba_n_heads": 128,
    "mamba_n_groups": 1,
    "mamba_d_state": 256,
    "mamba_chunk_size": 256,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "bamba": {**_MAMBA2, "num_key_value_heads": 8, "mlp_bias": False},
    "falcon_h1": {
        **_MAMBA2,
        "num_key_value_heads": 8,
        "mamba_d_ssm": 1024,
        "mlp_bias": False,
        "projectors_bias": False,
        "mamba_rms_norm": False,
    },
    "granitemoehybrid": {**_MAMBA2, "num_local_experts": 8, "num_experts_per_tok": 2},
    "jamba": {
        **_MAMBA,
        "num_key_value_heads": 8,
        "mamba_d_state": 16,
        "num_experts": 16,
        "num_experts_per_tok": 2,
        "attn_layer_period": 8,
        "attn_layer_offset": 4,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_PREFIX = "model.layers.*"
_ATTENTION, _MIXER = "attention", "mamba"
_WORDS = ("attention", "full_attention", "mamba", "linear_attention")


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory, or an InputError with everything that is missing."""
    hidden, count = parameters.integer("hidden_size"), depth(parameters)
    attending, mixing = _kinds(model_type, parameters, count)
    heads, key_value_heads, dimension = read_heads(parameters, hidden)
    bias = parameters.flag("attention_bias") if model_type != "jamba" else False
    shape = Attention(hidden, heads, key_value_heads, dimension, input_bias=bias, output_bias=bias)
    frame = Frame(
        layers=count,
        hidden=hidden,
        vocabulary=parameters.integer("vocab_size"),
        context=parameters.integer("max_position_embeddings"),
        heads=heads,
        key_value_heads=key_value_heads,
        has_head=has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
        last_norm="model.norm.weight" if model_type == "granitemoehybrid" else "model.final_layernorm.weight",
    )
    every = Layers(_PREFIX, tuple(range(count)))
    second_norm = "post_attention_layernorm" if model_type == "granitemoehybrid" else "pre_ff_layernorm"
    blocks = (
        attention(Layers(_PREFIX, attending), shape),
        _mixer(model_type, Layers(_PREFIX, mixing), parameters, hidden),
        *_feeding(model_type, every, parameters, hidden),
        Block(tuple(every.norm(name, hidden) for name in ("input_layernorm", second_norm))),
    )
    parameters.finish()
    return assemble(model_type, frame, blocks)


def _kinds(model_type: str, parameters: Hyperparameters, count: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The layers with attention, and those with a mixer."""
    every = tuple(range(count))
    if model_type == "falcon_h1":
        return every, every
    if model_type == "jamba":
        kinds = _periodic(parameters, count, "attn_layer", _ATTENTION, _MIXER)
    elif model_type == "bamba":
        attending = set(parameters.layer_numbers("attn_layer_indices"))
        kinds = tuple(_ATTENTION if number in attending else _MIXER for number in every)
    else:
        kinds = parameters.layer_kinds("layer_types", _WORDS) or (_MIXER,) * count
        per_layer(parameters, "layer_types", kinds, count)
    return numbers(kinds, _ATTENTION, "full_attention"), numbers(kinds, _MIXER, "linear_attention")


def _periodic(parameters: Hyperparameters, count: int, key: str, one: str, other: str) -> tuple[str, ...]:
    period = parameters.integer(f"{key}_period")
    offset = parameters.integer(f"{key}_offset", least=0, most=MAX_LAYERS)
    return tuple(one if number % period == offset else other for number in range(count))


def _mixer(model_type: str, layers: Layers, parameters: Hyperparameters, hidden: int) -> Block:
    if not len(layers):
        return Block(())
    bias, window_bias = parameters.flag("mamba_proj_bias"), parameters.flag("mamba_conv_bias")
    expanded = hidden * parameters.integer("mamba_expand")
    state, kernel = parameters.integer("mamba_d_state"), parameters.integer("mamba_d_conv")
    if model_type == "jamba":
        rank = time_step_rank(parameters, "mamba_dt_rank", hidden)
        shape = Mamba(hidden, expanded, state, kernel, rank, bias, window_bias, inner_norms=True)
        return mamba(layers, shape, "mamba")
    is_falcon = model_type == "falcon_h1"
    inner = parameters.integer_or("mamba_d_ssm", expanded) if is_falcon else expanded
    heads = parameters.integer("mamba_n_heads")
    given = parameters.value("mamba_d_head") not in (None, "auto")
    dimension = parameters.integer("mamba_d_head") if given else max(1, inner // heads)
    message = f"{heads} heads of {dimension} are not the {inner} channels of the mixer"
    parameters.relate(("hidden_size", "mamba_n_heads"), heads * dimension == inner, message)
    second = Mamba2(
        hidden=hidden,
        heads=heads,
        head_dimension=dimension,
        groups=parameters.integer("mamba_n_groups"),
        state=state,
        kernel=kernel,
        chunk=parameters.integer("mamba_chunk_size"),
        in_bias=bias,
        out_bias=parameters.flag("projectors_bias") if is_falcon else bias,
        window_bias=window_bias,
        has_norm=parameters.flag("mamba_rms_norm") if is_falcon else True,
    )
    return mamba2(layers, second, "mamba")


def _feeding(model_type: str, every: Layers, parameters: Hyperparameters, hidden: int) -> tuple[Block, ...]:
    if model_type == "granitemoehybrid":
        return _granite(every, parameters, hidden)
    if model_type == "jamba":
        return _jamba(every, parameters, hidden)
    inner, bias = parameters.integer("intermediate_size"), parameters.flag("mlp_bias")
    return (feed_forward(every, "feed_forward", hidden, inner, bias=bias),)


def _jamba(every: Layers, parameters: Hyperparameters, hidden: int) -> tuple[Block, ...]:
    """A layer of a single expert is a dense one."""
    inner = parameters.integer("intermediate_size")
    if parameters.integer("num_experts") == 1:
        return (feed_forward(every, "feed_forward", hidden, inner),)
    kinds = _periodic(parameters, len(every), "expert_layer", "sparse", "dense")
    shape = read_experts(parameters, "num_experts", "intermediate_size", hidden)
    return (
        feed_forward(Layers(_PREFIX, numbers(kinds, "dense")), "feed_forward", hidden, inner),
        experts(Layers(_PREFIX, numbers(kinds, "sparse")), "feed_forward", shape, router="router"),
    )


def _granite(every: Layers, parameters: Hyperparameters, hidden: int) -> tuple[Block, ...]:
    """The shared part works before the experts; its output waits for theirs."""
    inner, role = parameters.integer("shared_intermediate_size"), TensorRole.FEED_FORWARD
    shared = Block(
        (
            every.matrix("shared_mlp.input_linear", 2 * inner, hidden, role),
            every.matrix("shared_mlp.output_linear", hidden, inner, role),
        ),
        live=hidden + 3 * inner,
    )
    if parameters.integer("num_local_experts", least=0) == 0:
        return (shared,)
    shape = read_experts(parameters, "num_local_experts", "intermediate_size", hidden)
    routed = experts(every, "block_sparse_moe", shape, router="router.layer")
    return (shared, Block(routed.tensors, live=hidden + routed.live))
