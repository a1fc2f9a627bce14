"""RecurrentGemma (Griffin): gated linear recurrences, and attention to a window in every third layer.

Recurrence of width W in N blocks of B (W = N × B), kernel k:

    two inputs  2 × (W × H + W)    window  W × k + W    gates  2 × (N × B² + W)    decay  W    out  H × W + H
    kept of a sequence             window (k − 1) × W, state W in float32

    operations per token beside the matrices  2 × 2 × N × B² (gates, block by block), 2 × k × W, and 8 × W of the
    recurrence (arXiv:2402.19427, equations 1 to 4)          live per token  6W: inputs, window, gates, state

    attention     queries, keys and values may have a bias, the output has one; never more than the window is kept
    feed-forward  half of `intermediate_size` wide, three matrices, each with a bias        norms 2H

No engine of the catalogue divides it over ranks; its tensors count as divided like those of other recurrent layers.
Source: modeling_recurrent_gemma.py of transformers 5.23.0, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.architectures.hybrid_blocks import Block, Frame, Layers, assemble, depth, has_head, numbers
from ai_on_eks.descriptors.architectures.hybrid_layers import Attention, attention, feed_forward, read_heads
from ai_on_eks.descriptors.architectures.hyperparameters import Hyperparameters
from ai_on_eks.descriptors.architectures.state_space_mixers import STATE, WINDOW, window
from ai_on_eks.descriptors.inventory import Inventory, RecurrentState, TensorRole

FAMILY = "hybrid"
MODEL_TYPES = ("recurrent_gemma",)

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "recurrent_gemma": {
        "tie_word_embeddings": True,
        "attention_window_size": 2048,
        "conv1d_width": 4,
        "attention_bias": False,
    }
}
"""What transformers documents for a hyper-parameter that a published config may leave out."""

_PREFIX = "model.layers.*"
_ATTENTION, _RECURRENT = "attention", "recurrent"
_PATTERN = (_RECURRENT, _RECURRENT, _ATTENTION)
_STATE_BITS = 32
_STEP = 8


def read(model_type: str, parameters: Hyperparameters) -> Inventory:
    """The inventory, or an InputError with everything that is missing."""
    hidden, count = parameters.integer("hidden_size"), depth(parameters)
    pattern = parameters.layer_kinds("block_types", (_ATTENTION, _RECURRENT)) or _PATTERN
    kinds = tuple(pattern[number % len(pattern)] for number in range(count))
    heads, key_value_heads, dimension = read_heads(parameters, hidden)
    shape = Attention(
        hidden,
        heads,
        key_value_heads,
        dimension,
        input_bias=parameters.flag("attention_bias"),
        output_bias=True,
        window_tokens=parameters.integer("attention_window_size"),
        name="temporal_block",
    )
    frame = Frame(
        layers=count,
        hidden=hidden,
        vocabulary=parameters.integer("vocab_size"),
        context=None,
        heads=heads,
        key_value_heads=key_value_heads,
        has_head=has_head(parameters),
        tied=parameters.flag("tie_word_embeddings"),
        last_norm="model.final_norm.weight",
    )
    every = Layers(_PREFIX, tuple(range(count)))
    inner = max(1, parameters.integer("intermediate_size") // 2)
    blocks = (
        attention(Layers(_PREFIX, numbers(kinds, _ATTENTION)), shape),
        _recurrence(Layers(_PREFIX, numbers(kinds, _RECURRENT)), parameters, hidden, heads),
        feed_forward(every, "mlp_block", hidden, inner, bias=True),
        Block(tuple(every.norm(name, hidden) for name in ("temporal_pre_norm", "channel_pre_norm"))),
    )
    parameters.finish()
    return assemble(model_type, frame, blocks)


def _recurrence(layers: Layers, parameters: Hyperparameters, hidden: int, blocks: int) -> Block:
    width, kernel = parameters.integer_or("lru_width", hidden), parameters.integer("conv1d_width")
    message = f"{blocks} heads do not divide the width {width} of the recurrence"
    parameters.relate(("num_attention_heads", "lru_width"), width % blocks == 0, message)
    if not len(layers):
        return Block(())
    role, gates, name = TensorRole.RECURRENT, "temporal_block.rg_lru", "temporal_block"
    side = max(1, width // blocks)
    tensors = (
        *(one for into in "yx" for one in layers.linear(f"{name}.linear_{into}", width, hidden, role, bias=True)),
        *window(layers, f"{name}.conv_1d", width, kernel, bias=True),
        *(layers.tensor(f"{gates}.{gate}_gate_weight", (blocks, side, side), role) for gate in ("input", "recurrent")),
        *(layers.tensor(f"{gates}.{gate}_gate_bias", (width,), role) for gate in ("input", "recurrent")),
        layers.tensor(f"{gates}.recurrent_param", (width,), role),
        *layers.linear(f"{name}.linear_out", hidden, width, role, bias=True, divided_input=True),
    )
    windowed = RecurrentState(len(layers), (kernel - 1) * width, blocks, name=WINDOW)
    return Block(
        tensors,
        live=6 * width,
        states=(windowed, replace(windowed, elements=width, bits=_STATE_BITS, name=STATE)),
        flops=len(layers) * (4 * blocks * side**2 + 2 * kernel * width + _STEP * width),
    )
