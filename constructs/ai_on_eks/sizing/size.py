"""The whole account of one model on one target.

    budget    = device memory × fraction          another one where the fraction is of what is free (`free_share`)
    free      = budget − weights − activations − overhead
    cache     = max(0, free) for models that keep one
    sequence  = bytes of one sequence of the whole context, as the engine lays them out (`cache_layout`)
    sequences = min(the engine's limit, ⌊cache ÷ sequence⌋)
    tokens    = the cache in tokens, as the engine reports it
    headroom  = free − cache of the sequences asked for (at least one); less where the share is not free at the start:
                memory − what is taken before − budget

Sizing knows no instance type: placement asks it once per candidate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from msgspec.structs import replace

from ai_on_eks.catalog.types import BatchLimit, EngineMemory
from ai_on_eks.deferred import Deferred
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision, Storage
from ai_on_eks.sizing import neuron
from ai_on_eks.sizing.activation import batch_activation_term, cached_activation_term
from ai_on_eks.sizing.cache import CACHE_IN_USE, kv_bytes_per_token
from ai_on_eks.sizing.cache_layout import PAGED_LAYOUTS, cache_layout
from ai_on_eks.sizing.free_share import FreeShare, free_share, graphs_bytes
from ai_on_eks.sizing.host import host_memory, loading_bytes
from ai_on_eks.sizing.latents import as_cached
from ai_on_eks.sizing.llama_cpp import SLOTS, as_kept, compute_term, offload_hint, on_device
from ai_on_eks.sizing.overhead import overhead_terms
from ai_on_eks.sizing.pipeline import pipeline_terms, with_offloaded
from ai_on_eks.sizing.sglang import beside_share, with_default_share
from ai_on_eks.sizing.types import HostMemory, Load, MemoryDemand, RankMemory, Target, Term
from ai_on_eks.sizing.weight_layout import weight_layout
from ai_on_eks.sizing.weights import weights_bytes, weights_term
from ai_on_eks.units import counted, format_gib


def size_model(
    inventory: Inventory,
    precision: Precision,
    load: Load,
    target: Target,
    *,
    storage: Storage = Storage.S3,
    max_sequences: int | None = None,
    max_batched_tokens: int | None = None,
) -> MemoryDemand:
    """Bytes of `inventory` under `load` on every rank of `target`.

    `max_sequences` and `max_batched_tokens` replace the engine's own batch limits; `storage` decides what the node's
    disk has to hold.
    """
    sizer = Sizer(inventory, precision, storage)
    return sizer.size(load, target, max_sequences=max_sequences, max_batched_tokens=max_batched_tokens)


def batch_limit(engine: EngineMemory, device_memory_bytes: int, accelerator: str | None) -> BatchLimit | None:
    """The engine's batch limits on this device: the first entry it reaches that does not exclude it by name."""
    name = (accelerator or "").lower()
    for limit in engine.batch_limits:
        is_excluded = any(part in name for part in limit.excluded_names)
        if device_memory_bytes >= limit.least_memory_bytes and not is_excluded:
            return limit
    return None


class _Parts(NamedTuple):
    """What a rank holds without the cache. `weights` words the account of so many bytes."""

    weights_bytes: int
    activation_bytes: int
    overhead_bytes: int
    weights: Callable[[], Term]
    others: tuple[Term, ...]

    @property
    def total_bytes(self) -> int:
        return self.weights_bytes + self.activation_bytes + self.overhead_bytes

    def terms(self) -> tuple[Term, ...]:
        return (self.weights(), *self.others)


class Sizer:
    """Sizes one model on many targets.

    Weights depend on the engine and the division, activations on batch limits, layouts on both; the accelerator decides
    how much memory there is. What several targets share is computed once.
    """

    def __init__(self, inventory: Inventory, precision: Precision, storage: Storage = Storage.S3) -> None:
        self._inventory, self._precision, self._storage = inventory, precision, storage
        self._known: dict[tuple[object, ...], Any] = {}
        self._engines: dict[int, EngineMemory] = {}
        self._weights_bytes = weights_bytes(inventory, precision)
        self._kv_bytes_per_token = kv_bytes_per_token(inventory, precision)

    def size(
        self, load: Load, target: Target, *, max_sequences: int | None = None, max_batched_tokens: int | None = None
    ) -> MemoryDemand:
        """As `size_model`."""
        self._engines[id(target.engine)] = target.engine  # alive, so that its id is nobody else's
        limit = batch_limit(target.engine, target.device_memory_bytes, target.accelerator)
        target = with_default_share(target, self._inventory, limit)
        if self._inventory.states:
            rank, sequences = self._cached(load, target, limit, max_batched_tokens, max_sequences)
        else:
            rank, sequences = self._batch(load, target, max_batched_tokens, max_sequences)
        fits = rank.headroom_bytes >= 0 and sequences > 0
        reasons = () if fits else Deferred(lambda: self._reasons(rank, load, target, sequences))
        return MemoryDemand(
            weights_bytes=self._weights_bytes,
            kv_bytes_per_token=self._kv_bytes_per_token,
            rank=rank,
            host=self._host(load, target, rank),
            sequences_per_replica=sequences,
            fits=fits,
            reasons=reasons,
        )

    def _cached(
        self,
        load: Load,
        target: Target,
        limit: BatchLimit | None,
        max_batched_tokens: int | None,
        max_sequences: int | None,
    ) -> tuple[RankMemory, int]:
        engine, context_tokens = target.engine, load.context_tokens
        tensor, pipeline = target.tensor_parallel, target.pipeline_parallel
        if max_sequences is None:
            max_sequences = limit.max_sequences if limit else load.concurrency
        if max_batched_tokens is None:
            max_batched_tokens = _batched_tokens(engine, limit, context_tokens)
        inventory, precision = self._kept_as(target)
        parts = self._cached_parts(load, target, limit, max_batched_tokens, max_sequences)
        layout = self._once(
            ("layout", id(engine), tensor, pipeline, max_batched_tokens),
            lambda: cache_layout(inventory, precision, engine, tensor, pipeline, max_batched_tokens=max_batched_tokens),
        )
        share = self._share(target, parts)
        free_bytes = share.budget_bytes - parts.total_bytes
        startup_bytes = _startup_headroom_bytes(target)
        held = layout.sequences(free_bytes, context_tokens) if startup_bytes >= 0 else 0
        sequences = min(max_sequences, held)
        running = max_sequences if engine.programs is not None else max(1, min(sequences, load.concurrency))
        used_bytes = running * layout.sequence_bytes(context_tokens) + layout.reserved_bytes
        rank = RankMemory(
            memory_bytes=target.device_memory_bytes,
            memory_fraction=share.fraction,
            budget_bytes=share.budget_bytes,
            weights_bytes=parts.weights_bytes,
            activation_bytes=parts.activation_bytes,
            overhead_bytes=parts.overhead_bytes,
            kv_cache_bytes=max(0, free_bytes),
            kv_bytes_per_token=self._rank_kv_bytes_per_token(target),
            kv_cache_tokens=layout.tokens(free_bytes, context_tokens),
            headroom_bytes=min(free_bytes - used_bytes, startup_bytes if startup_bytes < 0 else free_bytes),
            max_batched_tokens=max_batched_tokens,
            max_sequences=max_sequences,
            terms=Deferred(lambda: (*parts.terms(), layout.term(running, context_tokens))),
        )
        return rank, sequences

    def _batch(
        self, load: Load, target: Target, max_batched_tokens: int | None, max_sequences: int | None
    ) -> tuple[RankMemory, int]:
        parts = self._batch_parts(load, target)
        free_bytes = _budget_bytes(target) - parts.total_bytes
        rank = RankMemory(
            memory_bytes=target.device_memory_bytes,
            memory_fraction=_fraction(target),
            budget_bytes=_budget_bytes(target),
            weights_bytes=parts.weights_bytes,
            activation_bytes=parts.activation_bytes,
            overhead_bytes=parts.overhead_bytes,
            kv_cache_bytes=0,
            kv_bytes_per_token=0,
            kv_cache_tokens=0,
            headroom_bytes=free_bytes,
            max_batched_tokens=load.batch * load.context_tokens if max_batched_tokens is None else max_batched_tokens,
            max_sequences=load.batch if max_sequences is None else max_sequences,
            terms=Deferred(parts.terms),
        )
        return rank, load.batch if free_bytes >= 0 else 0

    def _cached_parts(
        self,
        load: Load,
        target: Target,
        limit: BatchLimit | None,
        max_batched_tokens: int,
        max_sequences: int,
    ) -> _Parts:
        engine = target.engine
        key = (
            *("parts", id(engine), target.tensor_parallel, target.pipeline_parallel, target.compute_capability),
            *(target.on_cpu, max_batched_tokens, max_sequences),
            load.context_tokens if engine.programs is not None or engine.cache_layout == SLOTS else 0,
            target.accelerator if engine.programs is not None else None,
            (target.device_memory_bytes, target.memory_fraction) if engine.static_share is not None else None,
        )
        return self._once(  # type: ignore[no-any-return]
            key, lambda: self._new_cached_parts(load, target, limit, max_batched_tokens, max_sequences)
        )

    def _new_cached_parts(
        self, load: Load, target: Target, limit: BatchLimit | None, max_batched_tokens: int, max_sequences: int
    ) -> _Parts:
        engine = target.engine
        inventory, precision = self._kept_as(target)
        if engine.cache_layout == SLOTS:
            activation = compute_term(inventory, engine, load, max_batched_tokens)
        else:
            activation = self._once(
                ("activation", id(engine), target.tensor_parallel, max_batched_tokens, max_sequences),
                lambda: cached_activation_term(
                    inventory,
                    precision,
                    engine,
                    target.tensor_parallel,
                    max_batched_tokens=max_batched_tokens,
                    max_sequences=max_sequences,
                ),
            )
            activation = beside_share(activation, inventory, target, limit)
        if engine.programs is not None:
            weights = self._compiled_weights(target)
            activation = neuron.scratch_term(inventory, load, target, batch=max_sequences)
            overhead = self._overhead(target) + neuron.program_terms(weights, target)
            return _parts(weights.value_bytes, lambda: weights, activation, overhead)
        layout = weight_layout(engine, target.compute_capability)
        held = on_device(inventory, target)
        tensor, pipeline = target.tensor_parallel, target.pipeline_parallel
        return _parts(
            weights_bytes(held, precision, tensor, pipeline, layout),
            lambda: weights_term(held, precision, tensor, pipeline, layout),
            activation,
            self._overhead(target),
        )

    def _batch_parts(self, load: Load, target: Target) -> _Parts:
        engine = target.engine
        key = (
            *("batch", id(engine), target.tensor_parallel, target.pipeline_parallel, target.on_cpu),
            *(load.batch, load.context_tokens, target.memory_fraction),
            target.accelerator if engine.programs is not None else None,
        )
        return self._once(key, lambda: self._new_batch_parts(load, target))  # type: ignore[no-any-return]

    def _new_batch_parts(self, load: Load, target: Target) -> _Parts:
        inventory, precision = self._inventory, self._precision
        if inventory.components:
            weights, activation = pipeline_terms(inventory, precision, target.engine)
        else:
            weights = weights_term(inventory, precision, target.tensor_parallel, target.pipeline_parallel)
            activation = batch_activation_term(inventory, precision, target.engine, load, on_cpu=target.on_cpu)
        activation = neuron.batch_scratch_term(activation, target)
        overhead = self._overhead(target) + neuron.program_terms(weights, target) + self._prompt_cache(load, target)
        return _parts(weights.value_bytes, lambda: weights, activation, overhead)

    def _prompt_cache(self, load: Load, target: Target) -> tuple[Term, ...]:
        """What an engine that pages its cache keeps of one prompt: it does not start without room for that."""
        states, engine = self._inventory.prompt_states, target.engine
        if not states or engine.cache_layout not in PAGED_LAYOUTS:
            return ()
        inventory = as_cached(replace(self._inventory, states=states), self._precision, engine)
        layout = cache_layout(
            inventory,
            self._precision,
            engine,
            target.tensor_parallel,
            target.pipeline_parallel,
            max_batched_tokens=load.batch * load.context_tokens,
        )
        return (replace(layout.term(1, load.context_tokens), name="cache of one prompt"),)

    def _compiled_weights(self, target: Target) -> Term:
        """Of an engine that compiles ahead and adds heads until they divide."""
        inventory, precision = self._kept_as(target)
        tensor, pipeline = target.tensor_parallel, target.pipeline_parallel
        return self._once(  # type: ignore[no-any-return]
            ("compiled weights", id(target.engine), tensor, pipeline),
            lambda: neuron.with_added_heads(
                weights_term(inventory, precision, tensor, pipeline), inventory, precision, target
            ),
        )

    def _share(self, target: Target, parts: _Parts) -> FreeShare:
        """The engine's share of the memory, and what it may take with it."""
        engine, memory_bytes = target.engine, target.device_memory_bytes
        if not engine.free_share:
            return FreeShare(_fraction(target), _budget_bytes(target))
        graphs = graphs_bytes(self._inventory, engine, target.pipeline_parallel)
        return free_share(memory_bytes, parts.total_bytes, graphs, _fraction(target))

    def _kept_as(self, target: Target) -> tuple[Inventory, Precision]:
        """The model with the data types that the engine keeps states in."""
        return self._once(  # type: ignore[no-any-return]
            ("kept", id(target.engine)), lambda: self._new_kept_as(target)
        )

    def _new_kept_as(self, target: Target) -> tuple[Inventory, Precision]:
        cached = as_cached(self._inventory, self._precision, target.engine)
        return as_kept(cached, self._precision, target)

    def _rank_kv_bytes_per_token(self, target: Target) -> int:
        inventory, precision = self._kept_as(target)
        tensor, pipeline = target.tensor_parallel, target.pipeline_parallel
        per_token = kv_bytes_per_token if target.engine.programs is None else neuron.kv_bytes_per_token
        return self._once(  # type: ignore[no-any-return]
            ("per token", id(target.engine), tensor, pipeline),
            lambda: per_token(inventory, precision, tensor, pipeline),
        )

    def _overhead(self, target: Target) -> tuple[Term, ...]:
        terms = overhead_terms(self._inventory, target)
        if not target.on_cpu:
            return terms
        loading = Term(
            name="loading the weights",
            value_bytes=loading_bytes(self._inventory, self._precision, target),
            formula="host memory that loading takes beside the model",
            source=target.engine.sources.get("host-loading", ""),
        )
        return (*terms, loading)

    def _host(self, load: Load, target: Target, rank: RankMemory) -> HostMemory:
        if target.on_cpu:
            return self._new_host(load, target, rank)
        key = (
            *("host", id(target.engine), target.tensor_parallel, target.pipeline_parallel, target.nodes),
            *(rank.max_sequences, load.context_tokens),
            rank.weights_bytes if target.engine.programs is not None else 0,
        )
        return self._once(key, lambda: self._new_host(load, target, rank))  # type: ignore[no-any-return]

    def _new_host(self, load: Load, target: Target, rank: RankMemory) -> HostMemory:
        host = host_memory(self._inventory, self._precision, load, target, rank=rank, storage=self._storage)
        return with_offloaded(host, self._inventory, self._precision)

    def _reasons(self, rank: RankMemory, load: Load, target: Target, sequences: int) -> tuple[str, ...]:
        reasons = _reasons(rank, load, target, sequences)
        if self._inventory.states:
            reasons += _offload_reasons(self._inventory, self._precision, rank, target)
            reasons += _assumed_reasons(self._inventory, rank, load)
        return reasons

    def _once(self, key: tuple[object, ...], make: Callable[[], Any]) -> Any:
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = make()
        return found


def _parts(weights_bytes: int, weights: Callable[[], Term], activation: Term, overhead: tuple[Term, ...]) -> _Parts:
    return _Parts(weights_bytes, activation.value_bytes, _total(overhead), weights, (activation, *overhead))


def _batched_tokens(engine: EngineMemory, limit: BatchLimit | None, context_tokens: int) -> int:
    """Tokens of the largest forward pass."""
    tokens = limit.max_batched_tokens if limit else context_tokens
    if engine.batch_follows_context and context_tokens <= (engine.chunks_above_tokens or context_tokens):
        return max(tokens, context_tokens)
    return tokens


def _fraction(target: Target) -> float:
    """The share of the memory the engine may take. On CPU that is the container's limit, all of it."""
    if target.on_cpu:
        return 1.0
    return target.engine.memory_fraction if target.memory_fraction is None else target.memory_fraction


def _budget_bytes(target: Target) -> int:
    return int(target.device_memory_bytes * _fraction(target))


def _startup_headroom_bytes(target: Target) -> int:
    """What is free beside the share that the engine looks for when it starts; it ends at once where that is less."""
    if target.on_cpu:
        return target.device_memory_bytes - _budget_bytes(target)
    engine = target.engine
    ranks = target.tensor_parallel * target.pipeline_parallel
    taken_bytes = engine.startup_bytes if ranks == 1 else engine.startup_bytes_parallel
    return target.device_memory_bytes - taken_bytes - _budget_bytes(target)


def _total(terms: Iterable[Term]) -> int:
    return sum(term.value_bytes for term in terms)


def _reasons(rank: RankMemory, load: Load, target: Target, sequences: int) -> tuple[str, ...]:
    """Every reason by itself: more memory for the cache does not help where the engine does not start."""
    short_bytes = -_startup_headroom_bytes(target)
    reasons = []
    if short_bytes > 0:
        reasons.append(
            f"the share of {_share(rank, target)} is {format_gib(short_bytes)} more than is free when the engine "
            "starts: give it a smaller share"
        )
    if rank.budget_bytes < _total(rank.terms):
        reasons.append(_shortfall(rank, load, target, sequences))
    return tuple(reasons)


def _offload_reasons(inventory: Inventory, precision: Precision, rank: RankMemory, target: Target) -> tuple[str, ...]:
    free_bytes = rank.budget_bytes - rank.activation_bytes - rank.overhead_bytes
    cache_bytes = rank.terms[-1].value_bytes
    return offload_hint(inventory, precision, target, cache_bytes=cache_bytes, free_bytes=free_bytes)


def _assumed_reasons(inventory: Inventory, rank: RankMemory, load: Load) -> tuple[str, ...]:
    """What a cache whose shape was assumed, as an upper bound, may take at most: the model itself may take less."""
    room_bytes = rank.kv_cache_bytes // load.context_tokens
    if not inventory.estimated or not 0 < room_bytes < rank.kv_bytes_per_token:
        return ()
    return (
        f"the cache's shape is assumed, an upper bound: a model that keeps at most {room_bytes:,} B of a token, "
        f"not {rank.kv_bytes_per_token:,} B, fits; give architecture.config to know",
    )


def _shortfall(rank: RankMemory, load: Load, target: Target, sequences: int) -> str:
    parts = [
        f"{format_gib(rank.weights_bytes)} of weights",
        f"{format_gib(rank.activation_bytes)} of activations",
        f"{format_gib(rank.overhead_bytes)} of engine overhead",
    ]
    length = counted(load.context_tokens, "token")
    if rank.terms[-1].name == CACHE_IN_USE and target.engine.programs is not None:
        batch = counted(rank.max_sequences, "sequence")
        parts.append(f"{format_gib(rank.terms[-1].value_bytes)} of cache for a batch of {batch} of {length}")
    elif rank.terms[-1].name == CACHE_IN_USE and not sequences:
        parts.append(f"{format_gib(rank.terms[-1].value_bytes)} of cache for one sequence of {length}")
    budget = f"{format_gib(rank.budget_bytes)} ({_share(rank, target)})"
    missing = format_gib(_total(rank.terms) - rank.budget_bytes)
    return f"{', '.join(parts[:-1])} and {parts[-1]} exceed {budget} by {missing}"


def _share(rank: RankMemory, target: Target) -> str:
    if target.engine.free_share:
        return f"{format_gib(rank.memory_bytes)} without what is left to captured graphs"
    return f"{rank.memory_fraction:g} × {format_gib(rank.memory_bytes)}"
