"""One pool of equal pages for layers of every kind: how vLLM's V1 engine lays out a cache.

    page of a layer = block tokens × entry ÷ tokens per entry;  of a recurrent layer: all its states
    block           = one page of every layer of a group;  all groups draw blocks from one pool
    blocks          = ⌊pool ÷ bytes of a block⌋, one of which is held back
    sequence        = Σ groups  ⌈context ÷ block tokens⌉                                           whole context kept
                                ⌈min(context, window − 1 + tokens in flight) ÷ block tokens⌉ + 1   window
                                recurrent pages of the engine; 1 without any attention             recurrent
    tokens          = ⌊blocks ÷ blocks of a sequence × context⌋

Layers that keep as many tokens as each other are one group, whatever their widths. Layers that do not are split into
groups of as many layers each, so that a block means the same for all:

    layers of a group = those of the rarest kind; of the commonest, where it has less than 1.5 × as many
    groups of a kind  = ⌈layers of the kind ÷ layers of a group⌉

and their pages are made as large as the largest: by more tokens in a block where it divides, else by padding. Beside
recurrent layers the blocks of attention are first raised until a page holds a whole recurrent state:

    block tokens = alignment × ⌈state ÷ (alignment × bytes of a token)⌉

A window's tokens in flight are those of the forward passes that have been scheduled and not yet been settled.

Read from vLLM 0.33.0 (v1/core/kv_cache_planning.py, v1/kv_cache_interface.py, platforms/interface.py), 2026-11-24. It
yields 569,878 and 567,978 tokens of Qwen3.6-35B-A3B in 6.01 and 5.98 GiB (vLLM 0.24.0) exactly as logged, and 384,019
of Gemma-4-12B within 0.1 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.sizing import cache_packed
from ai_on_eks.sizing.cache import CACHE_IN_USE, RankState
from ai_on_eks.sizing.types import Term
from ai_on_eks.units import ceil_div, counted

SOURCE = "groups of layers that share a pool of equal pages (vLLM v1/core/kv_cache_planning.py, 2026-11-24)"

LATENT_ALIGNMENT_TOKENS = 128
"""Blocks of a latent beside recurrent layers are multiples of 128 tokens (vLLM 0.33.0 platforms/interface.py)."""

COMMONEST_BELOW = 1.5
"""Groups are as large as the commonest kind where it has less than so many times the layers of the rarest (vLLM 0.33.0
v1/core/kv_cache_planning.py)."""


class _Kind(Struct, frozen=True):
    """Layers whose caches are alike.

    entry_bytes  of `tokens_per_entry` tokens of a layer; of all states of a recurrent layer
    """

    name: str
    source: str
    shape: str
    model_layers: int
    entry_bytes: int
    tokens_per_entry: int = 1
    block_tokens: int = 1
    window_tokens: int | None = None
    fixed_tokens: int | None = None
    is_recurrent: bool = False
    is_latent: bool = False
    is_unfinished: bool = False
    groups: int = 1

    @property
    def page_bytes(self) -> int:
        return self.entry_bytes if self.is_recurrent else self.block_tokens * self.entry_bytes // self.tokens_per_entry

    @property
    def keeps(self) -> tuple[bool, int | None, int | None]:
        """Kinds with the same answer hold as many tokens of a sequence as each other."""
        return self.is_recurrent, self.window_tokens, self.fixed_tokens


class GroupedLayout:
    """The cache of a model on one rank of vLLM's V1 engine."""

    def __init__(
        self, states: tuple[RankState, ...], engine: EngineMemory, pipeline_parallel: int, max_batched_tokens: int
    ) -> None:
        kinds = _with_blocks(_kinds(states), engine.block_tokens)
        self._in_flight_tokens = (engine.batches_in_flight + pipeline_parallel - 1) * max_batched_tokens
        is_hybrid = any(not kind.is_recurrent for kind in kinds)
        self._recurrent_pages = engine.recurrent_pages if is_hybrid else 1
        if any(kind.is_latent and kind.tokens_per_entry > 1 for kind in kinds):
            self._parts, self._block_bytes = _packed(kinds, pipeline_parallel)
        elif len({kind.keeps for kind in kinds}) > 1:
            self._parts = _grouped(_with_equal_pages(kinds))
            page_bytes = max(kind.page_bytes for kind in self._parts)
            layers = max(ceil_div(kind.model_layers, kind.groups) for kind in self._parts)
            self._block_bytes = ceil_div(layers, pipeline_parallel) * page_bytes
        else:
            self._block_bytes = sum(ceil_div(kind.model_layers, pipeline_parallel) * kind.page_bytes for kind in kinds)
            self._parts = (_merged(kinds),)

    @property
    def reserved_bytes(self) -> int:
        """The block that stands for "none" in every table."""
        return self._block_bytes

    def sequence_bytes(self, context_tokens: int) -> int:
        return self._blocks(context_tokens) * self._block_bytes

    def sequences(self, pool_bytes: int, context_tokens: int) -> int:
        return max(0, pool_bytes // self._block_bytes - 1) // self._blocks(context_tokens)

    def tokens(self, pool_bytes: int, context_tokens: int) -> int:
        return max(0, pool_bytes) // self._block_bytes * context_tokens // self._blocks(context_tokens)

    def term(self, sequences: int, context_tokens: int) -> Term:
        blocks = self._blocks(context_tokens)
        parts = " + ".join(self._part(kind, context_tokens) for kind in self._parts)
        return Term(
            name=CACHE_IN_USE,
            value_bytes=sequences * blocks * self._block_bytes + self.reserved_bytes,
            formula=(
                f"({counted(sequences, 'sequence')} × {counted(blocks, 'block')} + 1) × {self._block_bytes:,} B; "
                f"a sequence: {parts}"
            ),
            source="; ".join(dict.fromkeys([*(kind.source for kind in self._parts), SOURCE])),
        )

    def _blocks(self, context_tokens: int) -> int:
        return sum(kind.groups * self._pages(kind, context_tokens) for kind in self._parts)

    def _pages(self, kind: _Kind, context_tokens: int) -> int:
        if kind.is_recurrent:
            return self._recurrent_pages
        if kind.fixed_tokens is not None:
            return ceil_div(kind.fixed_tokens, kind.block_tokens)
        if kind.window_tokens is None:
            return ceil_div(context_tokens, kind.block_tokens)
        kept = min(context_tokens, kind.window_tokens - 1 + self._in_flight_tokens)
        return ceil_div(kept, kind.block_tokens) + 1

    def _part(self, kind: _Kind, context_tokens: int) -> str:
        pages = self._pages(kind, context_tokens)
        groups = "" if kind.groups == 1 else f"{kind.groups} groups × "
        if kind.is_recurrent:
            return f"{groups}{counted(pages, 'page')} of {kind.name} ({kind.shape})"
        window = f", last {kind.window_tokens:,} tokens" if kind.window_tokens else ""
        return f"{groups}{pages:,} × {counted(kind.block_tokens, 'token')} of {kind.name}{window} ({kind.shape})"


def _kinds(states: Sequence[RankState]) -> list[_Kind]:
    """Layers by what they keep. All recurrent states of as many layers are states of the same layers, one page each."""
    attention: dict[tuple[object, ...], _Kind] = {}
    recurrent: dict[int, _Kind] = {}
    for state in states:
        if state.is_recurrent:
            known = recurrent.get(state.model_layers)
            recurrent[state.model_layers] = _joined(known, state) if known else _kind(state)
            continue
        key = (state.entry_bytes, state.tokens_per_entry, state.window_tokens, state.fixed_tokens)
        if key in attention:
            known = attention[key]
            attention[key] = replace(
                known,
                model_layers=known.model_layers + state.model_layers,
                shape=" + ".join(sorted([known.shape, state.formula])),
            )
        else:
            attention[key] = _kind(state)
    return [*attention.values(), *recurrent.values()]


def _kind(state: RankState) -> _Kind:
    return _Kind(
        name=state.state.name,
        source=state.source,
        shape=state.formula,
        model_layers=state.model_layers,
        entry_bytes=state.entry_bytes,
        tokens_per_entry=state.tokens_per_entry,
        window_tokens=state.window_tokens,
        fixed_tokens=state.fixed_tokens,
        is_recurrent=state.is_recurrent,
        is_latent=state.is_latent,
        is_unfinished=state.is_latent and state.window_tokens is not None and state.state.bits is not None,
    )


def _joined(kind: _Kind, state: RankState) -> _Kind:
    return replace(
        kind,
        entry_bytes=kind.entry_bytes + state.entry_bytes,
        name=" and ".join(sorted({*kind.name.split(" and "), state.state.name})),
        shape=" + ".join(sorted([*kind.shape.split(" + "), state.formula])),
    )


def _with_blocks(kinds: list[_Kind], engine_block_tokens: int) -> list[_Kind]:
    """Every kind of attention with the tokens of its block, raised beside recurrent layers."""
    attention = [kind for kind in kinds if not kind.is_recurrent]
    recurrent = [kind for kind in kinds if kind.is_recurrent]
    if not attention:
        return recurrent
    block_tokens = lcm(engine_block_tokens, *(kind.tokens_per_entry for kind in attention))
    if recurrent:
        state_bytes = max(kind.entry_bytes for kind in recurrent)
        token_bytes = max(1, *(kind.entry_bytes // kind.tokens_per_entry for kind in attention))
        aligned = lcm(block_tokens, LATENT_ALIGNMENT_TOKENS) if any(k.is_latent for k in attention) else block_tokens
        block_tokens = aligned * ceil_div(state_bytes, aligned * token_bytes)
    return [*(replace(kind, block_tokens=block_tokens) for kind in attention), *recurrent]


def _with_equal_pages(kinds: list[_Kind]) -> list[_Kind]:
    """More tokens in the blocks of narrower layers where the widest page is a multiple of theirs; what is left of the
    difference is padding."""
    widest = max(kind.page_bytes for kind in kinds)
    return [
        kind if kind.is_recurrent or widest % kind.page_bytes else _widened(kind, widest // kind.page_bytes)
        for kind in kinds
    ]


def _packed(kinds: list[_Kind], pipeline_parallel: int) -> tuple[tuple[_Kind, ...], int]:
    """Kinds whose pages of several sizes stand side by side; and the bytes of a block."""
    buckets: dict[tuple[object, ...], list[_Kind]] = {}
    for kind in kinds:
        tokens = cache_packed.block_tokens(kind.window_tokens, is_unfinished=kind.is_unfinished)
        buckets.setdefault((kind.keeps, tokens), []).append(replace(kind, block_tokens=tokens))
    pages = [_pages_of(bucket) for bucket in buckets.values()]
    grouped = cache_packed.grouped(pages)
    parts = tuple(
        replace(_merged(bucket), groups=found.groups) for bucket, found in zip(buckets.values(), grouped, strict=True)
    )
    return parts, cache_packed.block_bytes(grouped, pipeline_parallel)


def _pages_of(kinds: list[_Kind]) -> cache_packed.Bucket:
    pages: dict[int, int] = {}
    for kind in kinds:
        page = cache_packed.page_bytes(kind.block_tokens, kind.tokens_per_entry, kind.entry_bytes)
        pages[page] = pages.get(page, 0) + kind.model_layers
    return cache_packed.Bucket(pages)


def _widened(kind: _Kind, times: int) -> _Kind:
    return replace(kind, block_tokens=kind.block_tokens * times)


def _grouped(kinds: list[_Kind]) -> tuple[_Kind, ...]:
    """Every kind with the number of its groups."""
    rarest = min(kind.model_layers for kind in kinds)
    commonest = max(kind.model_layers for kind in kinds)
    layers = commonest if commonest < rarest * COMMONEST_BELOW else rarest
    return tuple(replace(kind, groups=ceil_div(kind.model_layers, layers)) for kind in kinds)


def _merged(kinds: list[_Kind]) -> _Kind:
    """Kinds that keep as many tokens as each other, as the one group they are."""
    first = kinds[0]
    return replace(
        first,
        name=" and ".join(sorted({kind.name for kind in kinds})),
        shape=" + ".join(sorted(kind.shape for kind in kinds)),
        source="; ".join(sorted({kind.source for kind in kinds})),
    )
