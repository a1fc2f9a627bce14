"""What a replica's container needs of its node.

    memory    = server + ranks × process + loading + token table + /dev/shm           beside accelerators
    memory    = weights + activations + cache + overhead (engine process, loading)     on CPU
    loading   = ranks × max(least buffer, largest tensor) + copies × the checkpoint
    /dev/shm  = base + ranks × share, where ranks exchange or hand over results through it
    disk      = the checkpoint, layers that are not served too, where it is not read from its storage directly + caches
                + logs

Loading and serving are added although the buffers are freed: the limit must hold at every moment, and freed pages are
not always returned.
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision, Storage
from ai_on_eks.sizing.neuron_host import preparation_term
from ai_on_eks.sizing.types import HostMemory, Load, RankMemory, Target, Term
from ai_on_eks.sizing.weights import checkpoint_bytes, largest_tensor_bytes, parameters_of
from ai_on_eks.units import MIB, ceil_div, counted, format_gib

LOG_BYTES = 50 * MIB
"""Container logs at most: 5 files of 10 MiB (kubelet containerLogMaxFiles, containerLogMaxSize; Kubernetes 1.36)."""

TOKEN_ID_BYTES = 4
"""vLLM keeps the token ids of every possible sequence as int32 (v1/worker/gpu_input_batch.py, 0.33, 2026-11-23)."""


def host_memory(
    inventory: Inventory, precision: Precision, load: Load, target: Target, *, rank: RankMemory, storage: Storage
) -> HostMemory:
    """The container's memory, shared memory and disk, line by line."""
    ranks = 1 if target.on_cpu else ceil_div(target.tensor_parallel * target.pipeline_parallel, target.nodes)
    buffer_bytes = max(target.engine.host.loading_buffer_bytes, largest_tensor_bytes(inventory, precision))
    shared = _shared_memory_term(target, ranks)
    loading = _loading_term(inventory, precision, target, ranks, buffer_bytes)
    if target.engine.programs is not None:
        loading = preparation_term(inventory, precision, target, rank)
    if target.on_cpu:
        memory: tuple[Term, ...] = (_model_term(rank),)
    else:
        memory = (*_engine_terms(inventory, load, target, rank, ranks), loading)
    if shared.value_bytes:
        memory = (*memory, shared)
    disk = _disk_terms(inventory, precision, target, storage)
    return HostMemory(
        memory_bytes=sum(term.value_bytes for term in memory),
        shared_memory_bytes=shared.value_bytes,
        ephemeral_bytes=sum(term.value_bytes for term in disk),
        terms=memory + disk,
        loading_buffer_bytes=buffer_bytes,
    )


def loading_bytes(inventory: Inventory, precision: Precision, target: Target) -> int:
    """Host memory that loading takes on CPU, where it competes with the model itself."""
    buffer_bytes = max(target.engine.host.loading_buffer_bytes, largest_tensor_bytes(inventory, precision))
    return _loading_term(inventory, precision, target, 1, buffer_bytes).value_bytes


def downloads_weights(target: Target, storage: Storage) -> bool:
    """Are the weights copied to the node's disk before they are loaded?"""
    if storage is Storage.NODE:
        return True
    return storage is Storage.S3 and not target.engine.host.streams_from_object_storage


def _model_term(rank: RankMemory) -> Term:
    used = rank.weights_bytes + rank.activation_bytes + rank.overhead_bytes + rank.kv_cache_bytes
    return Term(
        name="model and engine in host memory",
        value_bytes=used,
        formula=(
            f"{format_gib(rank.weights_bytes)} weights + {format_gib(rank.activation_bytes)} activations + "
            f"{format_gib(rank.overhead_bytes)} engine + {format_gib(rank.kv_cache_bytes)} cache"
        ),
        source="the account of the rank",
    )


def _engine_terms(inventory: Inventory, load: Load, target: Target, rank: RankMemory, ranks: int) -> tuple[Term, ...]:
    host, sources = target.engine.host, target.engine.sources
    server = Term("server", host.server_bytes, format_gib(host.server_bytes), sources.get("host-server", ""))
    workers = Term(
        name="worker processes",
        value_bytes=ranks * host.rank_bytes,
        formula=f"{counted(ranks, 'rank')} × {format_gib(host.rank_bytes)}",
        source=sources.get("host-rank", ""),
    )
    if not inventory.states:
        return (server, workers)
    tokens = Term(
        name="token tables",
        value_bytes=ranks * rank.max_sequences * load.context_tokens * TOKEN_ID_BYTES,
        formula=(
            f"{counted(ranks, 'rank')} × {counted(rank.max_sequences, 'sequence')} × "
            f"{counted(load.context_tokens, 'token')} × {TOKEN_ID_BYTES} B"
        ),
        source="vllm v1/worker/gpu_input_batch.py 0.33, 2026-11-23",
    )
    return (server, workers, tokens)


def _loading_term(inventory: Inventory, precision: Precision, target: Target, ranks: int, buffer_bytes: int) -> Term:
    copies = target.engine.host.loading_weight_copies
    weights = sum(checkpoint_bytes(inventory, precision))
    formula = f"{counted(ranks, 'rank')} × {format_gib(buffer_bytes)} buffer"
    if copies:
        formula += f" + {copies:g} × {format_gib(weights)} weights"
    return Term(
        name="loading the weights",
        value_bytes=ranks * buffer_bytes + ceil(copies * weights),
        formula=formula,
        source=target.engine.sources.get("host-loading", ""),
    )


def _shared_memory_term(target: Target, ranks: int) -> Term:
    host = target.engine.host
    is_used = ranks > 1 or host.shares_results
    value_bytes = host.shared_memory_bytes + ranks * host.shared_memory_bytes_per_rank if is_used else 0
    return Term(
        name="shared memory",
        value_bytes=value_bytes,
        formula=(
            f"{format_gib(host.shared_memory_bytes)} + {counted(ranks, 'rank')} × "
            f"{format_gib(host.shared_memory_bytes_per_rank)}"
        ),
        source=target.engine.sources.get("host-shared-memory", ""),
    )


def _disk_terms(inventory: Inventory, precision: Precision, target: Target, storage: Storage) -> tuple[Term, ...]:
    host = target.engine.host
    caches = Term(
        name="disk: caches and temporary files",
        value_bytes=host.cache_bytes,
        formula=format_gib(host.cache_bytes),
        source=target.engine.sources.get("host-cache", ""),
    )
    logs = Term("disk: logs", LOG_BYTES, "5 files × 10 MiB", "kubelet defaults, Kubernetes 1.36")
    if not downloads_weights(target, storage):
        return (caches, logs)
    return (_stored_weights_term(inventory, precision, target, storage), caches, logs)


def _stored_weights_term(inventory: Inventory, precision: Precision, target: Target, storage: Storage) -> Term:
    """The checkpoint as it is published, which may be wider than what is served."""
    served_bytes, unserved_bytes = checkpoint_bytes(inventory, precision)
    bits = target.engine.host.stored_bits_per_parameter
    parameters = parameters_of(inventory)
    stored_bytes = ceil_div(parameters * bits, 8)
    copy = f"one copy, because the engine does not read {storage.value} directly into the device"
    source = "host-loading"
    formula = copy
    if stored_bytes > served_bytes:
        served_bytes, source = stored_bytes, "host-stored"
        formula = f"{parameters:,} parameters × {bits} bit, {copy}"
    if unserved_bytes:
        formula = f"{format_gib(served_bytes)} + {format_gib(unserved_bytes)} of layers that are not served, {copy}"
    value_bytes = served_bytes + unserved_bytes
    return Term("disk: weights", value_bytes, formula, target.engine.sources.get(source, ""))
