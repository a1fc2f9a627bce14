"""Bytes that running sequences keep on a rank.

    per token kept   = Σ states  ⌈layers ÷ PP⌉ × ⌈heads ÷ min(TP, heads)⌉ × (key + value dimension) × bits ÷ 8
    tokens kept      = context, at most the window; the input's own length where a decoder attends to an encoder
    per sequence     = Σ recurrent states  ⌈layers ÷ PP⌉ × ⌈elements ÷ min(TP, heads)⌉ × bits ÷ 8

Beyond as many ranks as there are key/value heads every rank keeps a copy of a head: more accelerators then add cache
for weights saved, not for heads divided. A latent (MLA) has no heads and is whole on every rank.
"""

from __future__ import annotations

from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, RecurrentState, State
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.precision import cache_format, compute_format
from ai_on_eks.sizing.types import Term
from ai_on_eks.units import ceil_div

SOURCE = "keys and values of grouped-query attention (arXiv:2305.13245); blocks of a paged cache (arXiv:2309.06180)"


def kv_bytes_per_token(
    inventory: Inventory, precision: Precision, tensor_parallel: int = 1, pipeline_parallel: int = 1
) -> int:
    """Bytes that one further token of a long sequence adds on a rank; 0 where nothing grows with the context."""
    growing = (state for state in inventory.states if isinstance(state, KeyValueState) and state.grows)
    return sum(
        ceil_div(_bytes(state, precision, tensor_parallel, pipeline_parallel), state.tokens_per_entry)
        for state in growing
    )


def sequence_bytes(
    inventory: Inventory,
    precision: Precision,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    *,
    context_tokens: int,
) -> int:
    """Bytes that one sequence of `context_tokens` keeps on a rank."""
    return sum(
        _entries(state, context_tokens) * _bytes(state, precision, tensor_parallel, pipeline_parallel)
        for state in inventory.states
    )


def cache_term(
    inventory: Inventory,
    precision: Precision,
    tensor_parallel: int,
    pipeline_parallel: int,
    *,
    sequences: int,
    tokens: int,
) -> Term:
    """The cache of so many sequences of so many tokens each, as a line of the account."""
    each = sequence_bytes(inventory, precision, tensor_parallel, pipeline_parallel, context_tokens=tokens)
    shape = " + ".join(
        _shape(state, _format(state, precision), tensor_parallel, pipeline_parallel, tokens)
        for state in inventory.states
    )
    return Term(
        name="key/value cache in use",
        value_bytes=sequences * each,
        formula=f"{sequences} sequences × {each:,} B ({shape})",
        source=SOURCE,
    )


def _entries(state: State, context_tokens: int) -> int:
    """Entries that a sequence of so many tokens keeps; a recurrent state is one."""
    if isinstance(state, RecurrentState):
        return 1
    if state.fixed_tokens is not None:
        return state.fixed_tokens
    tokens = context_tokens if state.window_tokens is None else min(context_tokens, state.window_tokens)
    return ceil_div(tokens, state.tokens_per_entry)


def _bytes(state: State, precision: Precision, tensor_parallel: int, pipeline_parallel: int) -> int:
    """Bytes of one entry on a rank."""
    return _format(state, precision).bytes_for(_elements(state, tensor_parallel, pipeline_parallel))


def _format(state: State, precision: Precision) -> ElementFormat:
    if state.bits is not None:
        return ElementFormat(state.bits)
    return compute_format(precision) if isinstance(state, RecurrentState) else cache_format(precision)


def _elements(state: State, tensor_parallel: int, pipeline_parallel: int) -> int:
    layers = ceil_div(state.layers, pipeline_parallel)
    if isinstance(state, RecurrentState):
        return layers * ceil_div(state.elements, min(tensor_parallel, max(1, state.heads)))
    return layers * _heads(state, tensor_parallel) * (state.key_dimension + state.value_dimension)


def _heads(state: KeyValueState, tensor_parallel: int) -> int:
    heads = max(1, state.key_value_heads)
    return heads if state.is_replicated else ceil_div(heads, min(tensor_parallel, heads))


def _shape(
    state: State, element: ElementFormat, tensor_parallel: int, pipeline_parallel: int, context_tokens: int
) -> str:
    layers = ceil_div(state.layers, pipeline_parallel)
    if isinstance(state, RecurrentState):
        elements = ceil_div(state.elements, min(tensor_parallel, max(1, state.heads)))
        return f"{layers} layers × {elements:,} × {element}"
    dimensions = f"({state.key_dimension} + {state.value_dimension})"
    tokens = f"{_entries(state, context_tokens):,} tokens"
    return f"{tokens} × {layers} layers × {_heads(state, tensor_parallel)} heads × {dimensions} × {element}"
