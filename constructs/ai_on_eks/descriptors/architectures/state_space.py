"""Decoders of state-space mixers only: Mamba, Mamba-2, Falcon Mamba. No feed-forward layer, no attention.

    layer  mixer + norm H        nothing grows with the context: a sequence keeps a window and a state per layer

The context these models document no limit for is left unknown. Names and shapes are those of the published checkpoints.
Source: modeling_<model type>.py of transformers 5.23.0; the mixers are `state_space_mixers`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.architectures.hybrid_blocks import Block, Frame, Layers, assemble, depth, has_head
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.state_space_mixers import Mamba, Mamba2, mamba, mamba2
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.units import ceil_div

FAMILY = "ssm"
MODEL_TYPES = ("falcon_mamba", "mamba", "mamba2")

_FIRST: Mapping[str, Any] = {
    "tie_word_embeddings": True,
    "state_size": 16,
    "expand": 2,
    "conv_kernel": 4,
    "use_bias": False,
    "use_conv_bias": True,
}
DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "falcon_mamba": _FIRST,
    "mamba": _FIRST,
    "mamba2": {
        **_FIRST,
        "tie_word_embeddings": False,
        "state_size": 128,
        "num_heads": 128,
        "head_dim": 64,
        "n_groups": 8,
        "chunk_size": 256,
    },
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_HIDDEN_PER_RANK = 16
"""`time_step_rank: auto` is the hidden size divided by so much, rounded up."""


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory of a state-space model, or an InputError with every missing hyper-parameter."""
    hidden, count = parameters.integer("hidden_size"), depth(parameters)
    frame = Frame(
        layers=count,
        hidden=hidden,
        vocabulary=parameters.integer("vocab_size"),
        context=None,
        heads=0,
        key_value_heads=0,
        has_head=has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
        embedding="backbone.embeddings.weight",
        last_norm="backbone.norm_f.weight",
    )
    mixer = _second if model_type == "mamba2" else _first
    layers = Layers("backbone.layers.*", tuple(range(count)))
    block = mixer(layers, hidden, parameters)
    parameters.finish()
    return assemble(model_type, frame, (block, Block((layers.norm("norm", hidden),))))


def time_step_rank(parameters: Hyperparameters, key: str, hidden: int) -> int:
    """The width time steps are made from: a number, or `auto`."""
    value = parameters.value(key)
    return ceil_div(hidden, _HIDDEN_PER_RANK) if value in (None, "auto") else parameters.integer(key)


def _first(layers: Layers, hidden: int, parameters: Hyperparameters) -> Block:
    """`intermediate_size` is written out where it is not `expand` × hidden size (Falcon Mamba)."""
    written = parameters.has("intermediate_size")
    shape = Mamba(
        hidden=hidden,
        inner=parameters.integer("intermediate_size") if written else parameters.integer("expand") * hidden,
        state=parameters.integer("state_size"),
        kernel=parameters.integer("conv_kernel"),
        rank=time_step_rank(parameters, "time_step_rank", hidden),
        bias=parameters.flag("use_bias"),
        window_bias=parameters.flag("use_conv_bias"),
    )
    return mamba(layers, shape)


def _second(layers: Layers, hidden: int, parameters: Hyperparameters) -> Block:
    bias, expand = parameters.flag("use_bias"), parameters.integer("expand")
    shape = Mamba2(
        hidden=hidden,
        heads=parameters.integer("num_heads"),
        head_dimension=parameters.integer("head_dim"),
        groups=parameters.integer("n_groups"),
        state=parameters.integer("state_size"),
        kernel=parameters.integer("conv_kernel"),
        chunk=parameters.integer("chunk_size"),
        in_bias=bias,
        out_bias=bias,
        window_bias=parameters.flag("use_conv_bias"),
    )
    message = f"{shape.heads} heads of {shape.head_dimension} are not {expand} × hidden_size {hidden}"
    parameters.relate(("hidden_size", "expand", "head_dim", "num_heads"), shape.inner == expand * hidden, message)
    return mamba2(layers, shape)
