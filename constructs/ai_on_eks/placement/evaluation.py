"""One candidate, computed: memory, speed, replicas, nodes, price.

    least    = max(minimum_replicas,
                   ⌈concurrency ÷ sequences one replica holds at full context⌉)       models that keep a cache
    replicas = the fewest from least to concurrency that together reach the throughput asked for
    sequences of a replica = min(what it holds, ⌈concurrency ÷ replicas⌉)
    throughput of all      = min(replicas × sequences, concurrency) × rate of one sequence among so many
    nodes    = ⌈replicas ÷ replicas per node⌉ ;  $/h = nodes × price

A replica that holds some of the load is not rejected: two small ones are often cheaper than one large one. Dividing the
target by the throughput of one replica would be shorter and wrong: more replicas share the same load, so each runs
fewer sequences and gives less, and no number of replicas makes more of the load than there is.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache
from math import ceil

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Precision, Storage
from ai_on_eks.performance.machine import Division, machine_for
from ai_on_eks.performance.roofline import estimate
from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.rules import MEMORY_RULE
from ai_on_eks.placement.rules.capability import image_key
from ai_on_eks.placement.throughput import Throughput, throughputs, wants_throughput
from ai_on_eks.placement.types import Candidate, Placement, Rejection
from ai_on_eks.sizing.size import size_model
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.units import ceil_div, format_gib

REMEMBERED = 256
"""Sizes kept. Most candidates differ in the node around the accelerator, which sizing does not see: a plan asks for
some 60 different ones. A bound keeps memory flat over thousands of models."""

CPU_MILLICORES_PER_ACCELERATOR = 1000
"""One busy process per rank: vLLM 0.33 runs a worker process for each, Triton and TEI a feeding thread."""

CPU_MILLICORES_PER_SERVER = 1500
"""HTTP server, tokenizer and scheduler of a replica. With the worker this leaves a 4-vCPU node room for its DaemonSets
(allocatable 3,920 millicores; facts of the EKS AMI, 2026-07)."""


_ROUNDING = 1 - 1e-9
"""Keeps the error of a division from asking for one replica too many."""


def evaluate(candidate: Candidate, requirements: Requirements) -> Placement | Rejection:
    """A placement with every figure filled in, or the memory rule's rejection."""
    one_sequence = replace(requirements.load, concurrency=1)
    demand = _size(candidate, requirements, one_sequence)
    if not demand.fits:
        return Rejection(
            instance_type=candidate.instance_type.name,
            engine=candidate.engine.name,
            tensor_parallel=candidate.tensor_parallel,
            rule=MEMORY_RULE,
            reason="; ".join(demand.reasons),
            shortfall=format_gib(-demand.rank.headroom_bytes) if demand.rank.headroom_bytes < 0 else None,
        )
    keeps_cache = bool(requirements.inventory.states)
    capacity = demand.sequences_per_replica
    least = requirements.descriptor.serving.minimum_replicas
    if keeps_cache:
        least = max(least, ceil_div(requirements.load.concurrency, capacity))
    replicas = _replicas(candidate, requirements, demand, least)
    sequences = _sequences(requirements, replicas, capacity)
    if keeps_cache:
        demand = _size(candidate, requirements, replace(requirements.load, concurrency=sequences))
    estimates = _estimate(candidate, requirements, sequences)
    return _placement(
        candidate, requirements, demand=demand, estimates=estimates, replicas=replicas, sequences=sequences
    )


def _sequences(requirements: Requirements, replicas: int, capacity: int) -> int:
    """Sequences one replica runs at once when the load is shared evenly."""
    return min(capacity, ceil_div(requirements.load.concurrency, replicas))


def _replicas(candidate: Candidate, requirements: Requirements, demand: MemoryDemand, least: int) -> int:
    """The fewest replicas that reach the throughput asked for; the most that the load can keep busy where none do."""

    def reached(replicas: int) -> tuple[Throughput, ...]:
        sequences = _sequences(requirements, replicas, demand.sequences_per_replica)
        estimates = _estimate(candidate, requirements, sequences)
        return throughputs(requirements, estimates, replicas=replicas, sequences=sequences)

    def suffice(replicas: int) -> bool:
        return all(target.total is None or target.total >= target.wanted for target in reached(replicas))

    if not wants_throughput(requirements):
        return least
    # a replica gives less when it runs fewer sequences, so what is missing now is a lower bound of what to add
    most = max(least, requirements.load.concurrency)
    factor = max((target.wanted / target.total for target in reached(least) if target.total), default=1.0)
    low = min(most, max(least, ceil(least * factor * _ROUNDING)))
    if factor <= 1.0 or suffice(low):
        return low
    return bisect_left(range(most), True, lo=low, key=suffice)


def _size(candidate: Candidate, requirements: Requirements, load: Load) -> MemoryDemand:
    instance_type = candidate.instance_type
    target = Target(
        device_memory_bytes=instance_type.accelerator_memory_bytes or _container_memory_bytes(instance_type),
        tensor_parallel=candidate.tensor_parallel,
        pipeline_parallel=candidate.pipeline_parallel,
        engine=candidate.engine.memory,
        memory_fraction=requirements.descriptor.serving.memory_fraction,
        accelerator=instance_type.accelerator.name if instance_type.accelerator else None,
        on_cpu=instance_type.accelerator is None,
        compute_capability=instance_type.accelerator.compute_capability if instance_type.accelerator else None,
    )
    descriptor = requirements.descriptor
    return _sized(requirements.inventory, requirements.precision, load, target, descriptor.storage)


@lru_cache(maxsize=REMEMBERED)
def _sized(inventory: Inventory, precision: Precision, load: Load, target: Target, storage: Storage) -> MemoryDemand:
    return size_model(inventory, precision, load, target, storage=storage)


def _container_memory_bytes(instance_type: InstanceType) -> int:
    _cpu, reserved_bytes = reserved_by_daemonsets(instance_type)
    return max(0, instance_type.allocatable_memory_bytes - reserved_bytes)


def _estimate(candidate: Candidate, requirements: Requirements, sequences: int) -> Estimates:
    return estimate(
        requirements.inventory,
        requirements.precision,
        replace(requirements.load, batch=min(requirements.load.batch, sequences)),
        machine_for(candidate.instance_type),
        Division(tensor_parallel=candidate.tensor_parallel, pipeline_parallel=candidate.pipeline_parallel),
        engine=candidate.engine.name,
        output_tokens=requirements.descriptor.serving.output_tokens,
        sequences=sequences,
    )


def _placement(
    candidate: Candidate,
    requirements: Requirements,
    *,
    demand: MemoryDemand,
    estimates: Estimates,
    replicas: int,
    sequences: int,
) -> Placement:
    instance_type = candidate.instance_type
    image = image_key(candidate.engine, instance_type)
    if image is None:
        raise AssertionError("the engine-accelerator rule lets no candidate without an image pass")
    cpu_request = _cpu_request_millicores(candidate)
    per_node = _replicas_per_node(candidate, demand, cpu_request)
    nodes = ceil_div(replicas, per_node)
    price = instance_type.price
    return Placement(
        instance_type=instance_type,
        engine=candidate.engine,
        image_key=image,
        tensor_parallel=candidate.tensor_parallel,
        pipeline_parallel=candidate.pipeline_parallel,
        nodes_per_replica=1,
        replicas=replicas,
        replicas_per_node=per_node,
        nodes=nodes,
        sequences_per_replica=sequences,
        max_model_len=requirements.load.context_tokens,
        memory=demand,
        estimates=estimates,
        price=price,
        usd_per_hour=None if price is None else round(nodes * price.usd_per_hour, 6),
        cpu_request_millicores=cpu_request,
    )


def _cpu_request_millicores(candidate: Candidate) -> int:
    """Processor time of one replica: on CPU the whole node, beside an accelerator what feeding it takes."""
    instance_type = candidate.instance_type
    if instance_type.accelerator is None:
        reserved_millicores, _memory = reserved_by_daemonsets(instance_type)
        return max(0, instance_type.allocatable_cpu_millicores - reserved_millicores)
    return CPU_MILLICORES_PER_SERVER + CPU_MILLICORES_PER_ACCELERATOR * candidate.accelerators_per_replica


def _replicas_per_node(candidate: Candidate, demand: MemoryDemand, cpu_request_millicores: int) -> int:
    """Replicas that share a node: by accelerators, host memory and processor time. At least one; whether that one
    really fits is the host rules' question."""
    instance_type = candidate.instance_type
    if instance_type.accelerator is None:
        return 1
    reserved_millicores, reserved_bytes = reserved_by_daemonsets(instance_type)
    by_accelerators = instance_type.accelerator_count // candidate.accelerators_per_replica
    by_memory = (instance_type.allocatable_memory_bytes - reserved_bytes) // demand.host.memory_bytes
    by_cpu = (instance_type.allocatable_cpu_millicores - reserved_millicores) // cpu_request_millicores
    return max(1, min(by_accelerators, by_memory, by_cpu))
