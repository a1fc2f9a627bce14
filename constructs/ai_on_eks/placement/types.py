"""A plan and everything it was chosen from, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from ai_on_eks.catalog.types import Engine, InstanceType, Price
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.performance.types import Estimates
from ai_on_eks.sizing.types import MemoryDemand


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to run one replica, before any rule has seen it. Nodes are never shared between replicas of one model
    beyond `replicas_per_node`."""

    instance_type: InstanceType
    engine: Engine
    tensor_parallel: int
    pipeline_parallel: int = 1

    @property
    def accelerators_per_replica(self) -> int:
        return self.tensor_parallel * self.pipeline_parallel if self.instance_type.accelerator_count else 0


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a candidate was not chosen. `shortfall` is in the unit its text names ('3.1 GiB', '2 GPUs'), or None."""

    instance_type: str
    engine: str
    tensor_parallel: int
    rule: str
    reason: str
    shortfall: str | None


@dataclass(frozen=True, slots=True)
class Placement:
    """A candidate that every rule accepted, with what it costs and how much it leaves.

    nodes            instances for all replicas; usd_per_hour = nodes × price, None where no price is published
    headroom_bytes   per rank, after weights, activations, overhead and the cache of the planned concurrency
    """

    instance_type: InstanceType
    engine: Engine
    image_key: str
    tensor_parallel: int
    pipeline_parallel: int
    nodes_per_replica: int
    replicas: int
    replicas_per_node: int
    nodes: int
    sequences_per_replica: int
    max_model_len: int
    memory: MemoryDemand
    estimates: Estimates
    price: Price | None
    usd_per_hour: float | None
    cpu_request_millicores: int

    @property
    def accelerators_per_replica(self) -> int:
        return self.tensor_parallel * self.pipeline_parallel if self.instance_type.accelerator_count else 0

    @property
    def headroom_bytes(self) -> int:
        return self.memory.rank.headroom_bytes


@dataclass(frozen=True, slots=True)
class Seat:
    """Where the fleet puts a model's replicas, as far as their pods have to say so.

    pool      capacity label of the nodes, where others of this instance type belong to another pool; else None
    priority  share of a node that a replica takes, where replicas of several shares are in the pool: the larger has to
              find room first; else None
    """

    pool: str | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The answer for one model. `chosen` is None when nothing fits. `rejected` says why not, nearest miss first.

    accepted  every placement that passed all rules, best first: the choice, the alternatives and what neither is
    seat      where the replicas lie, once the fleet is planned
    """

    descriptor: Descriptor
    inventory: Inventory
    region: str
    chosen: Placement | None
    alternatives: tuple[Placement, ...]
    rejected: tuple[Rejection, ...]
    warnings: tuple[str, ...]
    accepted: tuple[Placement, ...]
    seat: Seat = Seat()


@dataclass(frozen=True, slots=True)
class CapacityRequest:
    """Nodes of one instance type that the plans ask for together, bought in one way.

    pool             capacity label of the nodes: pods of its models may lie on any node with it
    reservation_id   of the capacity reservation that the nodes are started in; None = bought by the hour
    root_volume_gib  images × 2 + ephemeral storage of the pods + margin, within the kubelet's thresholds
    models           names, sorted
    """

    name: str
    instance_type: InstanceType
    capacity_type: str
    nodes: int
    zones: tuple[str, ...]
    root_volume_gib: int
    models: tuple[str, ...]
    pool: str
    reservation_id: str | None = None
