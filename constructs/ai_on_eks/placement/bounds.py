"""What a placement costs at least, before anything of it is computed: the search looks at the promising first.

    memory    sequences of a replica ≤ (share × memory of its ranks − weights) ÷ cache of one
              replicas ≥ ⌈concurrency ÷ sequences of a replica⌉ + spare
    speed     nodes × peak × share ≥ items per second × operations of one                   models that answer batches

Weights and caches are counted once, as if a division had no replicated part, no page had a rest, and nothing else took
memory: ranks hold no less than that together. The bounds only order and end the search (`search.Search.cheapest`).
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.catalog.types import Engine, EngineMemory, InstanceType
from ai_on_eks.descriptors.inventory import Item
from ai_on_eks.performance.batches import kind_of
from ai_on_eks.performance.calibration import DIFFUSION, ENCODER, constants
from ai_on_eks.performance.machine import CPU
from ai_on_eks.placement.divisions import NODE_COUNTS
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.types import Candidate
from ai_on_eks.sizing.cache import kept_bytes
from ai_on_eks.sizing.llama_cpp import SLOTS
from ai_on_eks.sizing.weights import weights_bytes
from ai_on_eks.units import ceil_div

_ROUNDING = 1 - 1e-9
"""Keeps the error of a division from asking for one node too many."""

NEVER = 0
"""Nodes of what cannot hold one sequence."""


class Bounds:
    """Nodes that one model takes at least. `engines` that may serve it: one or more."""

    def __init__(self, requirements: Requirements, engines: tuple[Engine, ...]) -> None:
        inventory, serving = requirements.inventory, requirements.descriptor.serving
        self._requirements, self._engines = requirements, engines
        self._least = requirements.least_nodes
        self._spare = serving.spare_replicas
        self._replicas = requirements.least_replicas + self._spare
        self._memory_shares = {engine.name: _memory_share(engine, serving.memory_fraction) for engine in engines}
        self._largest_share = max(self._memory_shares.values())
        self._node_counts = NODE_COUNTS if any(engine.spans_nodes for engine in engines) else ()
        elsewhere = inventory.components or any(engine.memory.cache_layout == SLOTS for engine in engines)
        self._weights_bytes = 0 if elsewhere else weights_bytes(inventory, requirements.precision)
        self._sequence_bytes = 0
        self._sequences = 0
        if inventory.states and not elsewhere and serving.requests_per_second is None:
            self._sequences = requirements.load.concurrency
            self._sequence_bytes = kept_bytes(
                inventory, requirements.precision, context_tokens=requirements.load.context_tokens
            )
        self._flops = _flops_per_second(requirements)
        self._shares: dict[str, float] = {}
        self._held: dict[tuple[int, int], int] = {}

    def of_type(self, instance_type: InstanceType) -> int:
        """Nodes of any placement on this type, by any engine; `NEVER` where it holds no sequence."""
        least = self._least
        if self._flops:
            peak = self._peak(instance_type)
            if peak:
                least = max(least, ceil(self._flops / peak * _ROUNDING))
        if instance_type.accelerator is None or not instance_type.accelerator_count:
            return least
        holding = self._holding(instance_type.accelerator_count, instance_type.accelerator_memory_bytes)
        return max(least, holding) if holding else NEVER

    def of_candidate(self, candidate: Candidate) -> int:
        """Nodes of the placements of one division; `NEVER` where no sequence fits."""
        instance_type, division = candidate.instance_type, candidate.division
        least, accelerator = self._least, instance_type.accelerator
        if accelerator is None or not instance_type.accelerator_count:
            return least
        rank_bytes = instance_type.accelerator_memory_bytes * accelerator.cores_per_rank // accelerator.cores
        replicas = self._replicas_of(division.ranks * rank_bytes, self._memory_shares[candidate.engine.name])
        if not replicas:
            return NEVER
        if division.nodes > 1:
            return max(least, replicas * division.nodes)
        return max(least, ceil_div(replicas, instance_type.accelerator_count // candidate.accelerators_per_replica))

    def _holding(self, accelerators: int, memory_bytes: int) -> int:
        """Nodes of so many accelerators that hold the load, however it is divided; `NEVER` where none do."""
        found = self._held.get((accelerators, memory_bytes))
        if found is None:
            on_one = ((one, accelerators // one, 1) for one in range(1, accelerators + 1))
            on_several = ((nodes * accelerators, 1, nodes) for nodes in self._node_counts)
            found = self._held[accelerators, memory_bytes] = min(
                (
                    ceil_div(replicas, per_node) * nodes
                    for devices, per_node, nodes in (*on_one, *on_several)
                    if (replicas := self._replicas_of(devices * memory_bytes, self._largest_share))
                ),
                default=NEVER,
            )
        return found

    def _replicas_of(self, memory_bytes: int, share: float) -> int:
        """Replicas that hold the load, each with so much memory; 0 where one does not hold a sequence."""
        free_bytes = int(memory_bytes * share) - self._weights_bytes
        if free_bytes < self._sequence_bytes:
            return 0
        if not self._sequence_bytes:
            return self._replicas
        return max(self._replicas, ceil_div(self._sequences, free_bytes // self._sequence_bytes) + self._spare)

    def _peak(self, instance_type: InstanceType) -> float:
        """Operations per second that a node reaches at most, by the share of the peak that kernels reach."""
        accelerator = instance_type.accelerator
        if accelerator is None:
            return (instance_type.cpu_flops_per_vcpu or 0.0) * instance_type.vcpus * self._share(CPU)
        peak = max(accelerator.dense_flops.values(), default=0.0)
        return peak * instance_type.accelerator_count * self._share(accelerator.generation)

    def _share(self, generation: str) -> float:
        found = self._shares.get(generation)
        if found is None:
            is_encoder = kind_of(self._requirements.inventory) == ENCODER
            found = self._shares[generation] = max(
                of.encoder_compute if is_encoder else of.convolution_compute
                for of in (constants(generation, engine.name) for engine in self._engines)
            )
        return found


def _memory_share(engine: Engine, given: float | None) -> float:
    """The largest share of the memory that any build of the engine takes."""
    builds = (engine,) if engine.fabric is None else (engine, engine.fabric)
    if given is not None and not any(build.memory.free_share for build in builds):
        return given
    return max(_whole_or_share(build.memory) for build in builds)


def _whole_or_share(memory: EngineMemory) -> float:
    """All of it where the share follows from the device, or is one of what is free beside the model."""
    return 1.0 if memory.static_share is not None or memory.free_share else memory.memory_fraction


def _flops_per_second(requirements: Requirements) -> float:
    """Operations that the wanted throughput takes; 0 where none is wanted, or more than operations decide it."""
    inventory, serving = requirements.inventory, requirements.descriptor.serving
    wanted = max(serving.targets.items_per_second or 0.0, serving.requests_per_second or 0.0)
    if inventory.states or kind_of(inventory) == DIFFUSION:
        return 0.0
    operations, is_image = inventory.operations, inventory.item is Item.IMAGE
    context_tokens = 0 if is_image else requirements.typical.context_tokens
    item = operations.per_item + operations.attending(context_tokens)
    return wanted * item * (1 if is_image else context_tokens)
