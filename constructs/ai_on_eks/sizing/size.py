"""The whole account of one model on one target.

    budget    = device memory × fraction
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

from ai_on_eks.catalog.types import BatchLimit, EngineMemory
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision, Storage
from ai_on_eks.sizing import neuron
from ai_on_eks.sizing.activation import batch_activation_term, cached_activation_term
from ai_on_eks.sizing.cache import CACHE_IN_USE, kv_bytes_per_token
from ai_on_eks.sizing.cache_layout import cache_layout
from ai_on_eks.sizing.host import host_memory, loading_bytes
from ai_on_eks.sizing.latents import as_cached
from ai_on_eks.sizing.llama_cpp import SLOTS, as_kept, compute_term, offload_hint, on_device
from ai_on_eks.sizing.overhead import overhead_terms
from ai_on_eks.sizing.pipeline import pipeline_terms, with_offloaded
from ai_on_eks.sizing.sglang import beside_share, with_default_share
from ai_on_eks.sizing.types import Load, MemoryDemand, RankMemory, Target, Term
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
    limit = batch_limit(target.engine, target.device_memory_bytes, target.accelerator)
    target = with_default_share(target, inventory, limit)
    size_rank = _size_cached if inventory.states else _size_batch
    rank, sequences = size_rank(
        inventory, precision, load, target, max_batched_tokens=max_batched_tokens, max_sequences=max_sequences
    )
    reasons = () if rank.headroom_bytes >= 0 and sequences > 0 else _reasons(rank, load, target, sequences)
    if reasons and inventory.states:
        reasons += _offload_reasons(inventory, precision, rank, target)
        reasons += _assumed_reasons(inventory, rank, load)
    host = host_memory(inventory, precision, load, target, rank=rank, storage=storage)
    return MemoryDemand(
        weights_bytes=weights_bytes(inventory, precision),
        kv_bytes_per_token=kv_bytes_per_token(inventory, precision),
        rank=rank,
        host=with_offloaded(host, inventory, precision),
        sequences_per_replica=sequences,
        fits=not reasons,
        reasons=reasons,
    )


def batch_limit(engine: EngineMemory, device_memory_bytes: int, accelerator: str | None) -> BatchLimit | None:
    """The engine's batch limits on this device: the first entry it reaches that does not exclude it by name."""
    name = (accelerator or "").lower()
    for limit in engine.batch_limits:
        is_excluded = any(part in name for part in limit.excluded_names)
        if device_memory_bytes >= limit.least_memory_bytes and not is_excluded:
            return limit
    return None


def _size_cached(
    inventory: Inventory,
    precision: Precision,
    load: Load,
    target: Target,
    *,
    max_batched_tokens: int | None,
    max_sequences: int | None,
) -> tuple[RankMemory, int]:
    engine, tensor, pipeline = target.engine, target.tensor_parallel, target.pipeline_parallel
    inventory, precision = as_kept(as_cached(inventory, precision, engine), precision, target)
    limit = batch_limit(engine, target.device_memory_bytes, target.accelerator)
    if max_sequences is None:
        max_sequences = limit.max_sequences if limit else load.concurrency
    if max_batched_tokens is None:
        max_batched_tokens = limit.max_batched_tokens if limit else load.context_tokens
        if engine.batch_follows_context and load.context_tokens <= (engine.chunks_above_tokens or load.context_tokens):
            max_batched_tokens = max(max_batched_tokens, load.context_tokens)
    layout_of_weights = weight_layout(engine, target.compute_capability)
    weights = weights_term(on_device(inventory, target), precision, tensor, pipeline, layout_of_weights)
    if engine.cache_layout == SLOTS:
        activation = compute_term(inventory, engine, load, max_batched_tokens)
    else:
        activation = cached_activation_term(
            inventory,
            precision,
            engine,
            tensor,
            max_batched_tokens=max_batched_tokens,
            max_sequences=max_sequences,
        )
        activation = beside_share(activation, inventory, target, limit)
    if engine.programs is not None:
        weights = neuron.with_added_heads(weights, inventory, precision, target)
        activation = neuron.scratch_term(inventory, load, target, batch=max_sequences)
    overhead = _overhead(inventory, precision, target) + neuron.program_terms(weights, target)
    free_bytes = _budget_bytes(target) - _total((weights, activation, *overhead))
    per_token = kv_bytes_per_token(inventory, precision, tensor, pipeline)
    if engine.programs is not None:
        per_token = neuron.kv_bytes_per_token(inventory, precision, tensor, pipeline)
    layout = cache_layout(inventory, precision, engine, tensor, pipeline, max_batched_tokens=max_batched_tokens)
    startup_bytes = _startup_headroom_bytes(target)
    sequences = min(max_sequences, layout.sequences(free_bytes, load.context_tokens)) if startup_bytes >= 0 else 0
    running = max_sequences if engine.programs is not None else max(1, min(sequences, load.concurrency))
    used = layout.term(running, load.context_tokens)
    rank = RankMemory(
        memory_bytes=target.device_memory_bytes,
        memory_fraction=_fraction(target),
        budget_bytes=_budget_bytes(target),
        weights_bytes=weights.value_bytes,
        activation_bytes=activation.value_bytes,
        overhead_bytes=_total(overhead),
        kv_cache_bytes=max(0, free_bytes),
        kv_bytes_per_token=per_token,
        kv_cache_tokens=layout.tokens(free_bytes, load.context_tokens),
        headroom_bytes=min(free_bytes - used.value_bytes, startup_bytes if startup_bytes < 0 else free_bytes),
        max_batched_tokens=max_batched_tokens,
        max_sequences=max_sequences,
        terms=(weights, activation, *overhead, used),
    )
    return rank, sequences


def _size_batch(
    inventory: Inventory,
    precision: Precision,
    load: Load,
    target: Target,
    *,
    max_batched_tokens: int | None,
    max_sequences: int | None,
) -> tuple[RankMemory, int]:
    if inventory.components:
        weights, activation = pipeline_terms(inventory, precision, target.engine)
    else:
        weights = weights_term(inventory, precision, target.tensor_parallel, target.pipeline_parallel)
        activation = batch_activation_term(inventory, precision, target.engine, load, on_cpu=target.on_cpu)
    activation = neuron.batch_scratch_term(activation, target)
    overhead = _overhead(inventory, precision, target) + neuron.program_terms(weights, target)
    free_bytes = _budget_bytes(target) - _total((weights, activation, *overhead))
    rank = RankMemory(
        memory_bytes=target.device_memory_bytes,
        memory_fraction=_fraction(target),
        budget_bytes=_budget_bytes(target),
        weights_bytes=weights.value_bytes,
        activation_bytes=activation.value_bytes,
        overhead_bytes=_total(overhead),
        kv_cache_bytes=0,
        kv_bytes_per_token=0,
        kv_cache_tokens=0,
        headroom_bytes=free_bytes,
        max_batched_tokens=load.batch * load.context_tokens if max_batched_tokens is None else max_batched_tokens,
        max_sequences=load.batch if max_sequences is None else max_sequences,
        terms=(weights, activation, *overhead),
    )
    return rank, load.batch if free_bytes >= 0 else 0


def _overhead(inventory: Inventory, precision: Precision, target: Target) -> tuple[Term, ...]:
    terms = overhead_terms(inventory, target)
    if not target.on_cpu:
        return terms
    source = target.engine.sources.get("host-loading", "")
    loading = Term(
        name="loading the weights",
        value_bytes=loading_bytes(inventory, precision, target),
        formula="host memory that loading takes beside the model",
        source=source,
    )
    return (*terms, loading)


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


def _total(terms: tuple[Term, ...]) -> int:
    return sum(term.value_bytes for term in terms)


def _reasons(rank: RankMemory, load: Load, target: Target, sequences: int) -> tuple[str, ...]:
    """Every reason by itself: more memory for the cache does not help where the engine does not start."""
    short_bytes = -_startup_headroom_bytes(target)
    reasons = []
    if short_bytes > 0:
        reasons.append(
            f"the share of {_share(rank)} is {format_gib(short_bytes)} more than is free when the engine starts: "
            "give it a smaller share"
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
    budget = f"{format_gib(rank.budget_bytes)} ({_share(rank)})"
    missing = format_gib(_total(rank.terms) - rank.budget_bytes)
    return f"{', '.join(parts[:-1])} and {parts[-1]} exceed {budget} by {missing}"


def _share(rank: RankMemory) -> str:
    return f"{rank.memory_fraction:g} × {format_gib(rank.memory_bytes)}"
