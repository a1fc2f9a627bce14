"""What running sequences keep on a rank, state by state, before an engine lays it out in memory.

    entry     = ⌈heads ÷ min(TP, heads)⌉ × (key + value dimension) × bits ÷ 8     keys and values of a layer
    entry     = (key + value dimension) × bits ÷ 8                                a latent: it has no heads to divide
    entry     = elements + 2 B of each that carries the position + scales         a latent beside an indexer, in 8 bit:
                656 B of 512 + 64 (DeepSeek-V3.2), 584 B of 448 + 64 (V4,         vLLM's fp8_ds_mla
                whose default it is)
    entry     = ⌈elements ÷ min(TP, heads)⌉ × bits ÷ 8                            a recurrent state of a layer
    entries   = context, at most the window, one for so many tokens as share it; the input's own length where a decoder
                attends to an encoder; 1 of a recurrent state
    layers    = ⌈layers ÷ PP⌉

Beyond as many ranks as there are key/value heads every rank keeps a copy of a head: more accelerators then add cache
for weights saved, not for heads divided. A latent (MLA) has no heads and is whole on every rank.

How an engine turns this into memory – pages, groups of layers, padding – is its layout (`sizing.cache_layout`).
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.descriptors.element_format import ElementFormat
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, RecurrentState, State
from ai_on_eks.descriptors.schema import CachePrecision, Precision
from ai_on_eks.sizing.precision import cache_format, compute_format
from ai_on_eks.units import ceil_div, counted

CACHE_IN_USE = "key/value cache in use"
"""Name of the line that every layout adds to the account."""

BYTE_BITS = 8

PACKED_POSITION_ELEMENTS = 64
"""Of a compressed latent, elements that carry the position (DeepSeek-V4: 448 + 64; vLLM 0.33.0 models/deepseek_v4)."""

KEYS_AND_VALUES = "keys and values of grouped-query attention (arXiv:2305.13245)"
LATENT = "latent of multi-head latent attention, whole on every rank (arXiv:2405.04434)"
WINDOW = "sliding window: only the last tokens are kept (arXiv:2310.06825)"
CROSS = "keys and values of the input, kept for the whole of the output (arXiv:1706.03762)"
RECURRENT = "recurrent state, of the same size however long the sequence (arXiv:2312.00752)"


class RankState(Struct, frozen=True):
    """A state of the model on one rank.

    layers        of the fullest pipeline stage
    model_layers  of the whole model
    entry_bytes   of one entry of one layer
    """

    state: State
    layers: int
    model_layers: int
    entry_bytes: int
    formula: str
    source: str

    @property
    def is_recurrent(self) -> bool:
        return isinstance(self.state, RecurrentState)

    @property
    def is_latent(self) -> bool:
        return isinstance(self.state, KeyValueState) and self.state.is_replicated

    @property
    def grows(self) -> bool:
        """Does every further token of a long sequence add to it?"""
        return isinstance(self.state, KeyValueState) and self.state.grows

    @property
    def tokens_per_entry(self) -> int:
        return self.state.tokens_per_entry if isinstance(self.state, KeyValueState) else 1

    @property
    def window_tokens(self) -> int | None:
        return self.state.window_tokens if isinstance(self.state, KeyValueState) else None

    @property
    def fixed_tokens(self) -> int | None:
        return self.state.fixed_tokens if isinstance(self.state, KeyValueState) else None

    def entries(self, context_tokens: int) -> int:
        """Entries that a sequence of so many tokens keeps."""
        if self.is_recurrent:
            return 1
        if self.fixed_tokens is not None:
            return ceil_div(self.fixed_tokens, self.tokens_per_entry)
        tokens = context_tokens if self.window_tokens is None else min(context_tokens, self.window_tokens)
        return ceil_div(tokens, self.tokens_per_entry)


def rank_states(
    inventory: Inventory, precision: Precision, tensor_parallel: int = 1, pipeline_parallel: int = 1
) -> tuple[RankState, ...]:
    """Every state of the model as the fullest rank keeps it."""
    packs = _packs_latents(inventory, precision)
    return tuple(
        _rank_state(state, precision, tensor_parallel, pipeline_parallel, packs=packs) for state in inventory.states
    )


def kv_bytes_per_token(
    inventory: Inventory, precision: Precision, tensor_parallel: int = 1, pipeline_parallel: int = 1
) -> int:
    """Bytes that one further token of a long sequence adds on a rank; 0 where nothing grows with the context."""
    states = rank_states(inventory, precision, tensor_parallel, pipeline_parallel)
    return sum(ceil_div(state.layers * state.entry_bytes, state.tokens_per_entry) for state in states if state.grows)


def kept_bytes(
    inventory: Inventory,
    precision: Precision,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    *,
    context_tokens: int,
) -> int:
    """Bytes of a rank that hold something of one sequence of so many tokens: what a step of that sequence reads.

    Recurrent states are read and written in every step; of a window the tokens in it, of a latent all.
    """
    states = rank_states(inventory, precision, tensor_parallel, pipeline_parallel)
    return sum(state.entries(context_tokens) * state.layers * state.entry_bytes for state in states)


def _packs_latents(inventory: Inventory, precision: Precision) -> bool:
    """An 8-bit cache beside an indexer, whose keys have 8 bits whatever the cache: attention over chosen tokens reads
    latents in a format of their own. Latents compressed along the sequence have no other kernel by default: `auto` is
    that format for them (vLLM 0.33.0 models/deepseek_v4/attention.py, 2026-11-24), and 16 bit for the others."""
    states = [state for state in inventory.states if isinstance(state, KeyValueState) and state.is_replicated]
    is_compressed = any(state.tokens_per_entry > 1 for state in states)
    is_byte = cache_format(precision).bits == BYTE_BITS
    is_packed = is_byte or (is_compressed and precision.kv_cache is CachePrecision.AUTO)
    return is_packed and any(state.bits == BYTE_BITS for state in states)


def _packed_bytes(state: KeyValueState) -> int:
    """Of one packed latent: elements in 8 bit, those that carry the position in 16, and the scales."""
    if state.value_dimension:
        scales = 4 * ceil_div(state.key_dimension, 128)
        return state.key_dimension + scales + 2 * state.value_dimension
    plain = state.key_dimension - PACKED_POSITION_ELEMENTS
    return plain + 2 * PACKED_POSITION_ELEMENTS + ceil_div(ceil_div(plain, 64), 8) * 8


def _rank_state(
    state: State, precision: Precision, tensor_parallel: int, pipeline_parallel: int, *, packs: bool
) -> RankState:
    element = _format(state, precision)
    layers = ceil_div(state.layers, pipeline_parallel)
    if isinstance(state, RecurrentState):
        elements = ceil_div(state.elements, min(tensor_parallel, max(1, state.heads)))
        shape = f"{elements:,} × {element}"
    else:
        heads = _heads(state, tensor_parallel)
        elements = heads * (state.key_dimension + state.value_dimension)
        shape = f"{counted(heads, 'head')} × ({state.key_dimension} + {state.value_dimension}) × {element}"
        if state.is_replicated and heads == 1:
            shape = f"{elements:,} × {element}"
        if packs and state.is_replicated and state.bits is None:
            element, elements = ElementFormat(BYTE_BITS), _packed_bytes(state)
            shape = f"{elements:,} B packed"
    return RankState(
        state=state,
        layers=layers,
        model_layers=state.layers,
        entry_bytes=element.bytes_for(elements),
        formula=f"{counted(layers, 'layer')} × {shape}",
        source=_source(state),
    )


def _format(state: State, precision: Precision) -> ElementFormat:
    if state.bits is not None:
        return ElementFormat(state.bits)
    return compute_format(precision) if isinstance(state, RecurrentState) else cache_format(precision)


def _heads(state: KeyValueState, tensor_parallel: int) -> int:
    heads = max(1, state.key_value_heads)
    return heads if state.is_replicated else ceil_div(heads, min(tensor_parallel, heads))


def _source(state: State) -> str:
    if isinstance(state, RecurrentState):
        return RECURRENT
    if state.fixed_tokens is not None:
        return CROSS
    if state.window_tokens is not None:
        return WINDOW
    return LATENT if state.is_replicated else KEYS_AND_VALUES
