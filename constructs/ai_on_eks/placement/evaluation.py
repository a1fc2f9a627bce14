"""One candidate, computed: memory, speed, replicas, nodes, price.

    held     = sequences that one replica has memory for
    replicas, sequences of each                                                    placement.replicas
    nodes    = max(⌈replicas ÷ replicas per node⌉ × nodes per replica, nodes that they must be spread over)
    $/h      = nodes × price

Memory, speed and the number of replicas follow from the accelerator, the engine and the division. Many instance types
differ in the node around the accelerator alone, so what they share is computed once for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from msgspec.structs import replace

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.performance.estimate import Estimator
from ai_on_eks.performance.machine import Machine, machine_for
from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.candidates import running_engine
from ai_on_eks.placement.replicas import Replicas, settle
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.rules.capability import image_key
from ai_on_eks.placement.throughput import busy_replicas, request_rate
from ai_on_eks.placement.types import Candidate, Placement, ranks_per_accelerator
from ai_on_eks.placement.violations import Violation, Words
from ai_on_eks.sizing.llama_cpp import SLOTS
from ai_on_eks.sizing.size import Sizer, batch_limit
from ai_on_eks.sizing.types import Load, MemoryDemand, Target
from ai_on_eks.sizing.weights import weights_bytes
from ai_on_eks.units import GIB, ceil_div, format_gib

CPU_MILLICORES_PER_ACCELERATOR = 1000
"""One busy process per rank: vLLM 0.33 runs a worker process for each, Triton and TEI a feeding thread."""

CPU_MILLICORES_PER_SERVER = 1500
"""HTTP server, tokenizer and scheduler of a replica. With the worker this leaves a 4-vCPU node room for its DaemonSets
(allocatable 3,920 millicores; facts of the EKS AMI, 2026-07)."""

MOST_COMPILED = 256
"""Largest batch that is tried where programs are compiled for one and arrivals are given instead of a concurrency."""


class Replica:
    """What candidates that differ in the node alone have in common. The account of the planned load and the speed are
    computed when somebody asks for them: most candidates cost too much before that."""

    def __init__(
        self,
        replicas: Replicas,
        host_memory_bytes: int,
        memory: Callable[[], MemoryDemand],
        estimates: Callable[[], Estimates],
    ) -> None:
        self.replicas = replicas
        self.host_memory_bytes = host_memory_bytes
        self._memory, self._estimates = memory, estimates

    @cached_property
    def memory(self) -> MemoryDemand:
        return self._memory()

    @cached_property
    def estimates(self) -> Estimates:
        return self._estimates()


class Evaluator:
    """Computes candidates of one model, and remembers what they share."""

    def __init__(self, requirements: Requirements) -> None:
        self._requirements = requirements
        self._sizer = Sizer(requirements.inventory, requirements.precision, requirements.descriptor.storage)
        self._shared: dict[tuple[object, ...], Replica | Violation] = {}
        self._sizes: dict[tuple[object, ...], MemoryDemand] = {}
        self._estimators: dict[tuple[object, ...], Estimator] = {}
        self._machines: dict[tuple[object, ...], Machine] = {}
        self._weights_bytes: dict[tuple[int, int], int] = {}

    def evaluate(self, candidate: Candidate) -> Placement | Violation:
        """A placement with every figure filled in, or why the memory does not do."""
        shared = self.replica(candidate)
        return shared if isinstance(shared, Violation) else self.place(candidate, shared)

    def replica(self, candidate: Candidate) -> Replica | Violation:
        """Memory and number of replicas, or why one sequence does not fit."""
        instance_type, engine, division = candidate
        key = (engine.name, _device(instance_type, division.nodes), division)
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = self._replica(candidate)
        return found

    def is_too_large(self, candidate: Candidate) -> bool:
        """Do the weights alone exceed the memory of a rank? A quick look, before the whole account is made."""
        instance_type, engine, division = candidate
        inventory = self._requirements.inventory
        if inventory.components or engine.memory.cache_layout == SLOTS:  # these may keep weights elsewhere
            return False
        key = (division.tensor_parallel, division.pipeline_parallel)
        weights = self._weights_bytes.get(key)
        if weights is None:
            weights = self._weights_bytes[key] = weights_bytes(inventory, self._requirements.precision, *key)
        return weights > _device_memory_bytes(instance_type)

    def nodes(self, candidate: Candidate, shared: Replica) -> tuple[int, int]:
        """Replicas that share a node, and nodes of all of them."""
        nodes, replicas, least = candidate.division.nodes, shared.replicas.planned, self._requirements.least_nodes
        if nodes > 1:
            return 1, replicas * nodes
        per_node = _replicas_per_node(candidate, shared.host_memory_bytes)
        if least > 1:
            per_node = max(1, min(per_node, (replicas - 1) // (least - 1)))
        return per_node, ceil_div(replicas, per_node)

    def place(self, candidate: Candidate, shared: Replica) -> Placement:
        """The candidate with every figure filled in."""
        instance_type, division, engine = candidate.instance_type, candidate.division, running_engine(candidate)
        requirements, price, replicas = self._requirements, instance_type.price, shared.replicas
        sequences = replicas.sequences
        per_node, nodes = self.nodes(candidate, shared)
        rate = request_rate(requirements, shared.estimates, sequences)
        busy = busy_replicas(requirements, replicas=replicas.needed, sequences=sequences)
        return Placement(
            instance_type=instance_type,
            engine=engine,
            image_key=image_key(engine, instance_type),
            tensor_parallel=division.tensor_parallel,
            pipeline_parallel=division.pipeline_parallel,
            nodes_per_replica=division.nodes,
            replicas=replicas.planned,
            replicas_per_node=per_node,
            nodes=nodes,
            sequences_per_replica=sequences,
            max_model_len=requirements.load.context_tokens,
            memory=shared.memory,
            estimates=shared.estimates,
            price=price,
            usd_per_hour=None if price is None else round(nodes * price.usd_per_hour, 6),
            cpu_request_millicores=cpu_request_millicores(candidate),
            expert_parallel=division.expert_parallel,
            requests_per_second=None if rate is None else rate * busy,
        )

    def _replica(self, candidate: Candidate) -> Replica | Violation:
        requirements = self._requirements
        demand = self._size(candidate, 1)
        if not demand.fits:
            return _too_little_memory(demand)
        keeps_cache = bool(requirements.inventory.states)
        held = demand.sequences_per_replica
        if keeps_cache and not self._has_limit(candidate):
            demand, held = self._largest(candidate, demand)
        replicas = settle(requirements, held, lambda sequences: self._estimate(candidate, sequences))
        return Replica(
            replicas,
            demand.host.memory_bytes,
            lambda: self._size(candidate, replicas.sequences) if keeps_cache else demand,
            lambda: self._estimate(candidate, replicas.sequences),
        )

    def _has_limit(self, candidate: Candidate) -> bool:
        """Does the engine bound its batches itself? Otherwise it is started for a number of sequences, and takes memory
        for all of them."""
        device_bytes, accelerator = _device_memory_bytes(candidate.instance_type), candidate.instance_type.accelerator
        name = accelerator.name if accelerator else None
        return batch_limit(running_engine(candidate).memory, device_bytes, name) is not None

    def _largest(self, candidate: Candidate, one: MemoryDemand) -> tuple[MemoryDemand, int]:
        """The most sequences, up to those asked for, that the engine can be started for, with its account.

        Memory grows by nearly the same for every sequence, so a straight line through one and all of them comes near;
        from there it is halved.
        """
        serving = self._requirements.descriptor.serving
        most = MOST_COMPILED if serving.requests_per_second is not None else self._requirements.load.concurrency
        all_of_them = self._size(candidate, most)
        if _holds(all_of_them, most):
            return all_of_them, most
        low, high, demand = 1, most - 1, one
        grown = one.rank.headroom_bytes - all_of_them.rank.headroom_bytes
        guess = 1 + one.rank.headroom_bytes * (most - 1) // grown if grown > 0 else (low + high + 1) // 2
        while low < high:
            middle = min(high, max(low + 1, guess))
            sized = self._size(candidate, middle)
            if _holds(sized, middle):
                low, demand, guess = middle, sized, middle + 1
            else:
                high, guess = middle - 1, (low + middle) // 2
        return demand, low

    def _size(self, candidate: Candidate, sequences: int) -> MemoryDemand:
        engine = running_engine(candidate)
        key = (engine.name, engine.version, _device(candidate.instance_type, 1), candidate.division, sequences)
        found = self._sizes.get(key)
        if found is None:
            found = self._sizes[key] = self._sized(candidate, sequences)
        return found

    def _sized(self, candidate: Candidate, sequences: int) -> MemoryDemand:
        requirements, accelerator = self._requirements, candidate.instance_type.accelerator
        load = requirements.load
        target = Target(
            device_memory_bytes=_device_memory_bytes(candidate.instance_type),
            tensor_parallel=candidate.tensor_parallel,
            pipeline_parallel=candidate.pipeline_parallel,
            engine=running_engine(candidate).memory,
            memory_fraction=requirements.descriptor.serving.memory_fraction,
            accelerator=accelerator.name if accelerator else None,
            on_cpu=accelerator is None,
            compute_capability=accelerator.compute_capability if accelerator else None,
            nodes=candidate.division.nodes,
        )
        return self._sizer.size(Load(load.context_tokens, sequences, load.batch), target)

    def _estimate(self, candidate: Candidate, sequences: int) -> Estimates:
        requirements, typical = self._requirements, self._requirements.typical
        if typical.batch > sequences:
            typical = replace(typical, batch=sequences)
        output_tokens = requirements.descriptor.serving.output_tokens
        found = self._estimator(candidate).estimate(typical, output_tokens=output_tokens, sequences=sequences)
        most = candidate.engine.most_items_per_s.get(requirements.inventory.item.value)
        if most is None or found.items_per_s is None or found.items_per_s <= most:
            return found
        return replace(found, items_per_s=most)

    def _estimator(self, candidate: Candidate) -> Estimator:
        instance_type, engine, division = candidate
        key = (engine.name, _device(instance_type, division.nodes), division)
        found = self._estimators.get(key)
        if found is None:
            requirements, machine = self._requirements, self._machine(candidate)
            found = self._estimators[key] = Estimator(
                requirements.inventory, requirements.precision, machine, division, engine=engine.name
            )
        return found

    def _machine(self, candidate: Candidate) -> Machine:
        instance_type, engine = candidate.instance_type, candidate.engine
        key = (*_device(instance_type, candidate.division.nodes), engine.on_every_core)
        found = self._machines.get(key)
        if found is None:
            accelerator = instance_type.accelerator
            # Copies on all cores of a device are as fast as one on a device of a single core.
            cores = ranks_per_accelerator(accelerator) if accelerator and not engine.on_every_core else 1
            found = self._machines[key] = machine_for(instance_type, cores)
        return found


def cpu_request_millicores(candidate: Candidate) -> int:
    """Processor time of a replica on one of its nodes: on CPU the whole node, beside accelerators what feeding them
    takes."""
    instance_type = candidate.instance_type
    if instance_type.accelerator is None:
        reserved_millicores, _memory = reserved_by_daemonsets(instance_type)
        return max(0, instance_type.allocatable_cpu_millicores - reserved_millicores)
    accelerators = ceil_div(candidate.accelerators_per_replica, candidate.division.nodes)
    return CPU_MILLICORES_PER_SERVER + CPU_MILLICORES_PER_ACCELERATOR * accelerators


def _holds(demand: MemoryDemand, sequences: int) -> bool:
    return demand.fits and demand.sequences_per_replica >= sequences


def _device(instance_type: InstanceType, nodes: int) -> tuple[object, ...]:
    """What two instance types must agree in so that one figure holds for both: the accelerator, its memory and links;
    over several nodes the network as well; on CPU everything."""
    accelerator = instance_type.accelerator
    if accelerator is None:
        return (instance_type.name,)
    device = (accelerator.name, instance_type.accelerator_memory_bytes, accelerator.link_bytes_per_second)
    if nodes == 1:
        return device
    return (*device, instance_type.accelerator_count, instance_type.network_gbps, instance_type.efa_interfaces > 0)


def _device_memory_bytes(instance_type: InstanceType) -> int:
    """Of one rank; on CPU what the node leaves to a container beside its DaemonSets."""
    accelerator = instance_type.accelerator
    if accelerator is None:
        _cpu, reserved_bytes = reserved_by_daemonsets(instance_type)
        return max(0, instance_type.allocatable_memory_bytes - reserved_bytes)
    return instance_type.accelerator_memory_bytes * accelerator.cores_per_rank // accelerator.cores


def _too_little_memory(demand: MemoryDemand) -> Violation:
    missing = demand.rank.headroom_bytes
    return Violation(_memory_words, (tuple(demand.reasons), missing), -missing / GIB if missing < 0 else None)


def _memory_words(reasons: tuple[str, ...], headroom_bytes: int) -> Words:
    return Words(
        "; ".join(reasons),
        format_gib(-headroom_bytes) if headroom_bytes < 0 else None,
        "reduce serving.context_tokens, quantize precision.weights, or allow larger accelerators",
    )


def _replicas_per_node(candidate: Candidate, host_memory_bytes: int) -> int:
    """Replicas that share a node: by accelerators, host memory and processor time. At least one; whether that one
    really fits is the host rules' question."""
    instance_type = candidate.instance_type
    if instance_type.accelerator is None:
        return 1
    reserved_millicores, reserved_bytes = reserved_by_daemonsets(instance_type)
    by_accelerators = instance_type.accelerator_count // candidate.accelerators_per_replica
    by_memory = (instance_type.allocatable_memory_bytes - reserved_bytes) // host_memory_bytes
    millicores = instance_type.allocatable_cpu_millicores - reserved_millicores
    return max(1, min(by_accelerators, by_memory, millicores // cpu_request_millicores(candidate)))
