"""Bytes of keys and values per token.

    bytes per token and rank = Σ states  ⌈layers ÷ PP⌉ × ⌈heads ÷ min(TP, heads)⌉ × (key + value dimension) × bits ÷ 8

Beyond as many ranks as there are key/value heads every rank keeps a copy of a head: more accelerators then add cache
for weights saved, not for heads divided.
"""

from __future__ import annotations

from ai_on_eks.descriptors.inventory import Inventory, KeyValueState
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.precision import cache_format
from ai_on_eks.sizing.types import Term
from ai_on_eks.units import ceil_div

SOURCE = "keys and values of grouped-query attention (arXiv:2305.13245); blocks of a paged cache (arXiv:2309.06180)"


def kv_bytes_per_token(
    inventory: Inventory, precision: Precision, tensor_parallel: int = 1, pipeline_parallel: int = 1
) -> int:
    """Bytes that one token of one sequence keeps on a rank; 0 where the model keeps nothing."""
    elements = sum(_elements(state, tensor_parallel, pipeline_parallel) for state in inventory.states)
    return cache_format(precision).bytes_for(elements)


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
    per_token = kv_bytes_per_token(inventory, precision, tensor_parallel, pipeline_parallel)
    shape = " + ".join(_shape(state, tensor_parallel, pipeline_parallel) for state in inventory.states)
    return Term(
        name="key/value cache in use",
        value_bytes=sequences * tokens * per_token,
        formula=f"{sequences} sequences × {tokens:,} tokens × {per_token:,} B ({shape} × {cache_format(precision)})",
        source=SOURCE,
    )


def _elements(state: KeyValueState, tensor_parallel: int, pipeline_parallel: int) -> int:
    layers, heads = _per_rank(state, tensor_parallel, pipeline_parallel)
    return layers * heads * (state.key_dimension + state.value_dimension)


def _per_rank(state: KeyValueState, tensor_parallel: int, pipeline_parallel: int) -> tuple[int, int]:
    heads = max(1, state.key_value_heads)
    return ceil_div(state.layers, pipeline_parallel), ceil_div(heads, min(tensor_parallel, heads))


def _shape(state: KeyValueState, tensor_parallel: int, pipeline_parallel: int) -> str:
    layers, heads = _per_rank(state, tensor_parallel, pipeline_parallel)
    return f"{layers} layers × {heads} heads × ({state.key_dimension} + {state.value_dimension})"
