"""An engine whose share holds weights and cache only, and leaves activations and graphs beside it (SGLang).

    share     = round((memory − reserved) ÷ memory, 3)                             unless one is given
    reserved  = base + per token × max(prompt tokens at once, 2048) + per sequence × largest decoding graph
                + per rank × ranks + per graph × graphs of prompts                 at least 10 GiB on large devices
    share     × 0.95 × (1 − 0.1 × (vision tower ÷ ViT-L − 1), from 0.8 to 1.05)    models with a vision tower
    pool      = (memory − device context) × share − weights
    beside    = (memory − device context) × (1 − share)   must hold one forward pass and the captured graphs

The pool is divided once, when the server starts:

    recurrent = pool × ratio ÷ (1 + ratio)       slots of one state each; a running sequence holds several
    tokens    = the rest ÷ (bytes of a token + window ratio × bytes of a token in layers with a window)
    window    = tokens × window ratio            a sequence holds its last window of them, and one more

so the sequences it holds are the fewest that any of the three parts holds. Sources: sglang 0.5.23,
arg_groups/memory_hook.py, mem_cache/kv_cache_configurator.py, model_executor/pool_configurator.py, read 2026-11-24.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import ceil

from msgspec.structs import replace

from ai_on_eks.catalog.types import BatchLimit, EngineMemory, StaticShare
from ai_on_eks.descriptors.inventory import Inventory, KeyValueState, TensorRole
from ai_on_eks.sizing.cache import CACHE_IN_USE, RankState
from ai_on_eks.sizing.types import Target, Term
from ai_on_eks.units import MIB, ceil_div, counted, format_gib

LEAST_PREFILL_TOKENS = 2048
"""Of a batch of prompts, as the reserve counts it (memory_hook.py)."""

MANY_RANKS = 4
"""From so many ranks on, decoding graphs are captured for larger batches (memory_hook.py)."""

PREFILL_GRAPHS = ((4, 32, 4), (48, 256, 16), (288, 512, 32), (576, 1024, 64), (1280, 4096, 256), (4608, None, 512))
"""First, last and step of the numbers of prompt tokens that graphs are captured for, up to the batch; None = no last
(cuda_graph_hook.py)."""

VISION_SHARE = 0.95
VISION_SENSITIVITY = 0.1
VISION_BOUNDS = (0.8, 1.05)
VISION_PARAMETERS = 12 * 24 * 1024**2
"""Of ViT-L/14, 24 layers of width 1024 with 12 × width² each: what vision towers are measured by (memory_hook.py counts
layers × width²; the parameters are 12 times that)."""


def with_default_share(target: Target, inventory: Inventory, limit: BatchLimit | None) -> Target:
    """The target with the share that the engine would choose on this device; unchanged where one is given."""
    rule = target.engine.static_share
    if rule is None or limit is None or target.on_cpu or target.memory_fraction is not None:
        return target
    return replace(target, memory_fraction=_default_share(target, inventory, rule, limit))


def share_of_free(context: Term, target: Target) -> Term:
    """The device context as a line within the share, which is one of what the context leaves."""
    fraction = target.memory_fraction
    if target.engine.static_share is None or fraction is None:
        return context
    return replace(
        context,
        value_bytes=ceil(context.value_bytes * fraction),
        formula=f"{fraction:g} × {context.formula}: the share is one of what it leaves",
    )


def beside_share(activation: Term, inventory: Inventory, target: Target, limit: BatchLimit | None) -> Term:
    """What a forward pass and the graphs need above what is left beside the share; nothing where that holds them."""
    engine, fraction = target.engine, target.memory_fraction
    rule = engine.static_share
    if rule is None or limit is None or fraction is None:
        return activation
    ranks = target.tensor_parallel * target.pipeline_parallel
    context_bytes = engine.overhead_bytes if ranks == 1 else engine.overhead_bytes_parallel
    left_bytes = int((target.device_memory_bytes - context_bytes) * (1 - fraction))
    graphs_bytes = int(_graphs_mib(inventory, rule, limit, ranks) * MIB)
    return replace(
        activation,
        name=f"{activation.name} not held beside the share",
        value_bytes=max(0, activation.value_bytes + graphs_bytes - left_bytes),
        formula=(
            f"max(0, {activation.formula} + {format_gib(graphs_bytes)} of captured graphs "
            f"− {format_gib(left_bytes)} left beside the share)"
        ),
    )


def _default_share(target: Target, inventory: Inventory, rule: StaticShare, limit: BatchLimit) -> float:
    ranks = target.tensor_parallel * target.pipeline_parallel
    memory_mib = target.device_memory_bytes / MIB
    reserved_mib = rule.base_mib + rule.rank_mib * ranks
    reserved_mib += rule.prefill_token_mib * max(limit.max_batched_tokens, LEAST_PREFILL_TOKENS)
    reserved_mib += _graphs_mib(inventory, rule, limit, ranks)
    if memory_mib > rule.least_above_mib:
        reserved_mib = max(reserved_mib, rule.least_mib)
    return max(0.0, round((memory_mib - reserved_mib) / memory_mib, 3)) * _vision_factor(inventory)


def _graphs_mib(inventory: Inventory, rule: StaticShare, limit: BatchLimit, ranks: int) -> float:
    """Captured graphs, as the engine itself estimates them."""
    sequences = limit.graph_sequences if ranks < MANY_RANKS else limit.graph_sequences_parallel
    decoding = rule.graph_sequence_mib * sequences
    if any(isinstance(state, KeyValueState) and state.is_replicated for state in inventory.states):
        return decoding + rule.latent_prefill_graphs_mib
    return decoding + rule.prefill_graph_mib * _prefill_graphs(limit.max_batched_tokens)


def _prefill_graphs(batched_tokens: int) -> int:
    return sum(
        len(range(first, min(last or batched_tokens, batched_tokens) + 1, step)) for first, last, step in PREFILL_GRAPHS
    )


def _vision_factor(inventory: Inventory) -> float:
    parameters = sum(tensor.parameters for tensor in inventory.tensors if tensor.role is TensorRole.VISION)
    if not parameters:
        return 1.0
    least, most = VISION_BOUNDS
    return VISION_SHARE * max(least, min(most, 1 - VISION_SENSITIVITY * (parameters / VISION_PARAMETERS - 1)))


class DividedPoolLayout:
    """A pool divided between tokens, tokens of layers with a window, and recurrent states; see the module."""

    def __init__(
        self, states: tuple[RankState, ...], engine: EngineMemory, _pipeline_parallel: int, _max_batched_tokens: int
    ) -> None:
        if engine.static_share is None:
            raise ValueError("a divided pool needs the engine's ratios")
        rule = engine.static_share
        windowed = [state for state in states if state.window_tokens is not None]
        self._token_bytes = _bytes_of_entry(state for state in states if state.grows)
        self._window_bytes = _bytes_of_entry(windowed)
        self._window_tokens = max((state.window_tokens or 0 for state in windowed), default=0)
        # without layers that keep all tokens there is nothing to relate the window's to
        self._window_ratio = Fraction(str(rule.window_ratio)) if self._token_bytes else Fraction(1)
        self._fixed_bytes = sum(
            state.entries(1) * state.layers * state.entry_bytes for state in states if state.fixed_tokens is not None
        )
        self._state_bytes = sum(state.layers * state.entry_bytes for state in states if state.is_recurrent)
        ratio = Fraction(str(rule.recurrent_ratio))
        self._recurrent_part = ratio / (1 + ratio) if self._state_bytes else Fraction(0)
        self._slots = rule.recurrent_slots
        self._sources = dict.fromkeys([*(state.source for state in states), engine.sources.get("cache", "")])

    @property
    def reserved_bytes(self) -> int:
        """A slot that pads, and the part of one that is left over."""
        return ceil(2 * self._state_bytes / self._recurrent_part) if self._state_bytes else 0

    def sequence_bytes(self, context_tokens: int) -> int:
        """Of the whole pool, by the part that holds the fewest such sequences."""
        kept = self._tokens_taken(context_tokens) * self._cell + self._fixed_bytes
        tokens = kept / (1 - self._recurrent_part)
        if not self._state_bytes:
            return ceil(tokens)
        return ceil(max(tokens, Fraction(self._slots * self._state_bytes) / self._recurrent_part))

    def sequences(self, pool_bytes: int, context_tokens: int) -> int:
        return max(0, pool_bytes - self.reserved_bytes) // self.sequence_bytes(context_tokens)

    def tokens(self, pool_bytes: int, context_tokens: int) -> int:
        """Tokens that layers without a window hold, as the engine logs them."""
        if not self._cell:
            return self.sequences(pool_bytes, context_tokens) * context_tokens
        return int(max(0, pool_bytes) * (1 - self._recurrent_part) / self._cell)

    def term(self, sequences: int, context_tokens: int) -> Term:
        each = self.sequence_bytes(context_tokens)
        parts = []
        if self._token_bytes:
            parts.append(f"{counted(context_tokens, 'token')} × {self._token_bytes:,} B")
        if self._window_bytes:
            window = min(context_tokens, self._window_tokens)
            beside = f" in a pool of {float(self._window_ratio):g} as many" if self._token_bytes else ""
            parts.append(f"{counted(window + 1, 'token')} × {self._window_bytes:,} B of windows{beside}")
        if self._state_bytes:
            part = f"in {float(self._recurrent_part):.3g} of the pool"
            parts.append(f"{counted(self._slots, 'slot')} × {self._state_bytes:,} B of recurrent states {part}")
        if self._fixed_bytes:
            parts.append(f"{self._fixed_bytes:,} B of the input")
        return Term(
            name=CACHE_IN_USE,
            value_bytes=sequences * each + self.reserved_bytes,
            formula=f"{counted(sequences, 'sequence')} × {each:,} B of the pool ({'; '.join(parts)})",
            source="; ".join(source for source in self._sources if source),
        )

    @property
    def _cell(self) -> Fraction:
        """Bytes of the pool for one token of it."""
        return self._token_bytes + self._window_ratio * self._window_bytes

    def _tokens_taken(self, context_tokens: int) -> Fraction:
        """Tokens of the pool that a sequence takes: its context, or what its window needs of the smaller part."""
        window = (min(context_tokens, self._window_tokens) + 1) / self._window_ratio if self._window_bytes else 0
        return max(Fraction(context_tokens if self._token_bytes else 0), Fraction(window))


def _bytes_of_entry(states: Iterable[RankState]) -> int:
    return sum(ceil_div(state.layers * state.entry_bytes, state.tokens_per_entry) for state in states)
