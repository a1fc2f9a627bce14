"""How an engine lays out in memory what sequences keep: the seam between a model's states and an engine's cache.

    engine.cache_layout   layout                      whose
    contiguous            ContiguousLayout (here)     no pages: every sequence takes what it keeps
    paged                 PagedLayout (here)          one kind of page for all layers, windows not used (vLLM before V1)
    static-batch          StaticLayout (here)         a whole context for each sequence of the batch, compiled in
    paged-groups          GroupedLayout (cache_pages) groups of layers share one pool of pages (vLLM V1)
    divided-pool          DividedPoolLayout (sglang)  tokens, windows and recurrent states have a part each (SGLang)
    slots                 SlotLayout (here)           every slot has room for a whole context (llama.cpp)

A layout is made for one model on one rank and answers in bytes of that rank:

    sequence_bytes(context)     what one sequence of the context occupies, padding included
    reserved_bytes              what the pool holds back whatever runs
    sequences(pool, context)    how many such sequences a pool of so many bytes holds at once
    tokens(pool, context)       the size of the pool in tokens, as the engine itself would report it
    term(sequences, context)    so many sequences, as a line of the account

A pool of p bytes holds n sequences exactly when n × sequence_bytes + reserved_bytes ≤ p. An engine that lays out
otherwise (slots for a whole context, a static batch) is one more class and one more line in `_LAYOUTS`; nothing else of
sizing knows layouts by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision
from ai_on_eks.sizing.cache import CACHE_IN_USE, RankState, rank_states
from ai_on_eks.sizing.cache_pages import GroupedLayout
from ai_on_eks.sizing.llama_cpp import SLOTS
from ai_on_eks.sizing.neuron import compiled_states
from ai_on_eks.sizing.sglang import DividedPoolLayout
from ai_on_eks.sizing.types import Term
from ai_on_eks.units import ceil_div, counted

PAGES = "blocks of a paged cache (arXiv:2309.06180)"

PAGED_LAYOUTS = ("paged", "paged-groups", "divided-pool")
"""Of engines that cache keys and values of a prompt also where nothing is written after it."""


class CacheLayout(Protocol):
    """A model's cache on one rank of an engine; see the module."""

    @property
    def reserved_bytes(self) -> int: ...

    def sequence_bytes(self, context_tokens: int) -> int: ...

    def sequences(self, pool_bytes: int, context_tokens: int) -> int: ...

    def tokens(self, pool_bytes: int, context_tokens: int) -> int: ...

    def term(self, sequences: int, context_tokens: int) -> Term: ...


class ContiguousLayout:
    """Every sequence takes exactly what it keeps, its tokens rounded up to the engine's granularity."""

    reserved_bytes = 0

    def __init__(self, states: tuple[RankState, ...], block_tokens: int, source: str) -> None:
        self._states = states
        self._block_tokens = block_tokens
        self._source = source

    def sequence_bytes(self, context_tokens: int) -> int:
        context = self._whole_blocks(context_tokens)
        return sum(self._entries(state, context) * state.layers * state.entry_bytes for state in self._states)

    def sequences(self, pool_bytes: int, context_tokens: int) -> int:
        return max(0, pool_bytes) // self.sequence_bytes(context_tokens)

    def tokens(self, pool_bytes: int, context_tokens: int) -> int:
        """Tokens of sequences of this context, in whole blocks."""
        context = self._whole_blocks(context_tokens)
        tokens = max(0, pool_bytes) * context // self.sequence_bytes(context)
        return tokens // self._block_tokens * self._block_tokens

    def term(self, sequences: int, context_tokens: int) -> Term:
        context = self._whole_blocks(context_tokens)
        each = self.sequence_bytes(context)
        shape = " + ".join(self._shape(state, context) for state in self._states)
        sources = dict.fromkeys([*(state.source for state in self._states), *([self._source] if self._source else [])])
        return Term(
            name=CACHE_IN_USE,
            value_bytes=sequences * each,
            formula=f"{counted(sequences, 'sequence')} × {each:,} B ({shape})",
            source="; ".join(sources),
        )

    def _entries(self, state: RankState, context_tokens: int) -> int:
        return state.entries(context_tokens)

    def _whole_blocks(self, context_tokens: int) -> int:
        return ceil_div(context_tokens, self._block_tokens) * self._block_tokens

    def _shape(self, state: RankState, context_tokens: int) -> str:
        if state.is_recurrent:
            return f"{state.formula} of {state.state.name}"
        entries = self._entries(state, context_tokens)
        what = "token" if state.tokens_per_entry == 1 else "entry"
        kept = f"{counted(entries, what)} × {state.formula}"
        return kept if state.grows and state.tokens_per_entry == 1 else f"{kept} of {_kind(state)}"


class PagedLayout(ContiguousLayout):
    """One table of blocks for all layers: a layer with a window keeps as many tokens as the others."""

    def _entries(self, state: RankState, context_tokens: int) -> int:
        if state.window_tokens is None:
            return state.entries(context_tokens)
        return ceil_div(context_tokens, state.tokens_per_entry)


class SlotLayout(ContiguousLayout):
    """A buffer for a whole context per slot. Beside a window it has room for the tokens of one batch; both are padded
    (llama.cpp src/llama-kv-cache-iswa.cpp, 2026-11-24)."""

    def __init__(
        self, states: tuple[RankState, ...], engine: EngineMemory, _pipeline_parallel: int, max_batched_tokens: int
    ) -> None:
        super().__init__(states, engine.block_tokens, engine.sources.get("cache", ""))
        self._max_batched_tokens = max_batched_tokens

    def _entries(self, state: RankState, context_tokens: int) -> int:
        if state.window_tokens is None:
            return state.entries(context_tokens)
        window = self._whole_blocks(state.window_tokens + self._max_batched_tokens)
        return ceil_div(min(context_tokens, window), state.tokens_per_entry)


class StaticLayout(PagedLayout):
    """Every sequence of the batch keeps a whole context in every layer, whatever it uses of it."""


def cache_layout(
    inventory: Inventory,
    precision: Precision,
    engine: EngineMemory,
    tensor_parallel: int = 1,
    pipeline_parallel: int = 1,
    *,
    max_batched_tokens: int = 0,
) -> CacheLayout:
    """The layout of this model's cache on one rank of the engine.

    `max_batched_tokens` are those of one forward pass: layers with a window keep them beside the window.
    """
    states = rank_states(inventory, precision, tensor_parallel, pipeline_parallel)
    if engine.programs is not None:
        states = compiled_states(states, inventory, tensor_parallel)
    return _LAYOUTS[engine.cache_layout](states, engine, pipeline_parallel, max_batched_tokens)


def _contiguous(
    states: tuple[RankState, ...], engine: EngineMemory, _pipeline_parallel: int, _max_batched_tokens: int
) -> CacheLayout:
    return ContiguousLayout(states, engine.block_tokens, engine.sources.get("cache", ""))


def _paged(
    states: tuple[RankState, ...], engine: EngineMemory, _pipeline_parallel: int, _max_batched_tokens: int
) -> CacheLayout:
    return PagedLayout(states, engine.block_tokens, PAGES)


def _static(
    states: tuple[RankState, ...], engine: EngineMemory, _pipeline_parallel: int, _max_batched_tokens: int
) -> CacheLayout:
    return StaticLayout(states, engine.block_tokens, engine.sources.get("cache", ""))


def _kind(state: RankState) -> str:
    return f"{state.state.name}, last {state.window_tokens:,} tokens" if state.window_tokens else state.state.name


_LAYOUTS: Mapping[str, Callable[[tuple[RankState, ...], EngineMemory, int, int], CacheLayout]] = {
    "contiguous": _contiguous,
    "paged": _paged,
    "paged-groups": GroupedLayout,
    "static-batch": _static,
    "divided-pool": DividedPoolLayout,
    SLOTS: SlotLayout,
}
