"""The question sizing answers and its answer, as frozen values."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ai_on_eks.catalog.types import EngineMemory


class Load(Struct, frozen=True):
    """What is asked of a model.

    context_tokens   longest prompt plus output of one sequence; 1 where the model works on images
    concurrency      sequences (or images) in flight over *all* replicas
    batch            items of one forward pass of an encoder or CNN; ignored where a cache is kept
    """

    context_tokens: int
    concurrency: int
    batch: int = 1


class Target(Struct, frozen=True):
    """Where one rank runs. Sizing knows bytes, not instance types.

    device_memory_bytes  usable memory of one accelerator, or the memory given to the container on CPU
    memory_fraction      None = the engine's default
    accelerator          catalogue name of the accelerator; engines set some batch limits by name
    on_cpu               the model runs on the container's own processors and memory
    compute_capability   NVIDIA's, on which the engine's kernels depend; None where there is none or it is not known
    nodes                that the ranks are spread over evenly; host memory and disk are those of one of them
    """

    device_memory_bytes: int
    tensor_parallel: int
    pipeline_parallel: int
    engine: EngineMemory
    memory_fraction: float | None = None
    accelerator: str | None = None
    on_cpu: bool = False
    compute_capability: tuple[int, int] | None = None
    nodes: int = 1

    def __hash__(self) -> int:
        """Without the engine, whose sources are a mapping; equality still compares everything."""
        return hash((self.device_memory_bytes, self.tensor_parallel, self.accelerator, self.memory_fraction))


class Term(Struct, frozen=True):
    """One line of an account: bytes, how they were computed, and where the formula comes from."""

    name: str
    value_bytes: int
    formula: str
    source: str


class RankMemory(Struct, frozen=True):
    """What one rank of a replica holds.

    budget = memory × fraction;  kv_cache = budget − weights − activation − overhead (never negative)
    kv_cache_tokens  tokens of all running sequences of one *replica* that fit, rounded down to whole blocks
    headroom_bytes   what is left after the asked load; negative = does not fit, and by how much
    """

    memory_bytes: int
    memory_fraction: float
    budget_bytes: int
    weights_bytes: int
    activation_bytes: int
    overhead_bytes: int
    kv_cache_bytes: int
    kv_bytes_per_token: int
    kv_cache_tokens: int
    headroom_bytes: int
    max_batched_tokens: int
    max_sequences: int
    terms: Sequence[Term]


class HostMemory(Struct, frozen=True):
    """What a replica's container needs of its node, per node.

    memory_bytes            request and limit, /dev/shm included
    shared_memory_bytes     size limit of /dev/shm
    ephemeral_bytes         node disk for weights, caches and logs; the image is the kubelet's and not in here
    loading_buffer_bytes    what one rank may buffer while loading: the limit to hand to the engine's loader
    """

    memory_bytes: int
    shared_memory_bytes: int
    ephemeral_bytes: int
    terms: Sequence[Term]
    loading_buffer_bytes: int = 0


class MemoryDemand(Struct, frozen=True):
    """Sizing's whole answer for one model on one target. `reasons` is empty exactly when it fits."""

    weights_bytes: int
    kv_bytes_per_token: int
    rank: RankMemory
    host: HostMemory
    sequences_per_replica: int
    fits: bool
    reasons: Sequence[str]
