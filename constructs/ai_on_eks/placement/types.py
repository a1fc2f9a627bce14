"""A plan and everything it was chosen from, as frozen values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from ai_on_eks.catalog.types import Accelerator, Engine, InstanceType, Price
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.schema import Descriptor, Policy
from ai_on_eks.performance.machine import Division
from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.violations import Violation
from ai_on_eks.sizing.types import MemoryDemand
from ai_on_eks.units import ceil_div

ANY_INSTANCE_TYPE = "any"
"""The `instance_type` of a rejection that no instance type could mend."""

ANY_ENGINE = "any"
"""The `engine` of a rejection that no engine could mend."""

WHOLE = Division()
UNDIVIDED = Division(tensor_parallel=0)
"""The division of a rejection that no division could mend; shown as tensor parallelism 0."""


class Candidate(NamedTuple):
    """One way to run one replica, before any rule has seen it.

    A rank is what a share of the model runs on: a whole accelerator, or a logical core of one that has several.
    """

    instance_type: InstanceType
    engine: Engine
    division: Division = WHOLE

    @property
    def tensor_parallel(self) -> int:
        return self.division.tensor_parallel

    @property
    def pipeline_parallel(self) -> int:
        return self.division.pipeline_parallel

    @property
    def accelerators_per_replica(self) -> int:
        return accelerators_for(self.instance_type, self.division.ranks)


class Rejection(NamedTuple):
    """Why a candidate was not chosen, or every candidate of an instance type or of an engine at once.

    instance_type, engine   names; `any` where the rule looks at neither
    division                of the ranks; tensor parallelism 0 where the rule does not look at it
    """

    instance_type: str
    engine: str
    division: Division
    rule: str
    violation: Violation

    @property
    def tensor_parallel(self) -> int:
        return self.division.tensor_parallel

    @property
    def reason(self) -> str:
        return self.violation.words.reason

    @property
    def shortfall(self) -> str | None:
        """In the unit its text names ('3.1 GiB', '2 GPUs'), or None."""
        return self.violation.words.shortfall

    @property
    def fix(self) -> str | None:
        """The smallest change that could lift this rejection; None where nothing in the user's files can."""
        return self.violation.words.fix


class Placement(Struct, frozen=True):
    """A candidate that every rule accepted, with what it costs and how much it leaves.

    image_key        of the container image; None where no workload is rendered for the engine yet
    nodes            instances for all replicas; usd_per_hour = nodes × price, None where no price is published
    sequences_per_replica  that run at once when the planned load is shared evenly
    headroom_bytes   per rank, after weights, activations, overhead and the cache of the planned concurrency
    requests_per_second    that all replicas together end under the planned load; None where no speed is estimated
    """

    instance_type: InstanceType
    engine: Engine
    image_key: str | None
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
    expert_parallel: int = 1
    requests_per_second: float | None = None

    @property
    def division(self) -> Division:
        return Division(
            tensor_parallel=self.tensor_parallel,
            pipeline_parallel=self.pipeline_parallel,
            expert_parallel=self.expert_parallel,
            nodes=self.nodes_per_replica,
        )

    @property
    def accelerators_per_replica(self) -> int:
        return accelerators_for(self.instance_type, self.tensor_parallel * self.pipeline_parallel)

    @property
    def headroom_bytes(self) -> int:
        return self.memory.rank.headroom_bytes


class Seat(Struct, frozen=True):
    """Where the fleet puts a model's replicas, as far as their pods have to say so.

    pool      capacity label of the nodes, where others of this instance type belong to another pool or a part of an
              accelerator is meant; else None
    priority  share of a node that a replica takes, where replicas of several shares are in the pool: the larger has to
              find room first; else None
    """

    pool: str | None = None
    priority: int | None = None


class Suggestion(NamedTuple):
    """One change of the descriptor, and the placement that it leads to.

    setting      the path in the descriptor and what to write there
    saved_share  of the present price; None where nothing fits at present or a price is unknown
    """

    setting: str
    placement: Placement
    saved_share: float | None


class Plan(Struct, frozen=True):
    """The answer for one model. `chosen` is None when nothing fits. `rejected` says why not, nearest miss first.

    policy        what the placements are ranked by
    accepted      every placement that passed all rules, best first: the choice, the alternatives and what neither is
    alternatives  of the accepted ones those that none beats in price, latency and throughput at once, best first
    missed        of the rejected ones those that have memory and a price, and fell to a target, a limit or the node
    variants      plans of the models that the descriptor names beside itself
    suggestions   changes of the descriptor that make the model fit, or cheaper; each has been planned
    seat          where the replicas lie, once the fleet is planned

    The choice is known at once; the other lists are computed when somebody looks at them.
    """

    descriptor: Descriptor
    inventory: Inventory
    region: str
    chosen: Placement | None
    alternatives: Sequence[Placement]
    rejected: Sequence[Rejection]
    warnings: tuple[str, ...]
    accepted: Sequence[Placement]
    seat: Seat = Seat()
    policy: Policy = Policy.COST
    suggestions: Sequence[Suggestion] = ()
    missed: Sequence[Placement] = ()
    variants: tuple[Plan, ...] = ()


class CapacityRequest(Struct, frozen=True):
    """Nodes of one instance type that the plans ask for together, bought in one way.

    pool             capacity label of the nodes: pods of its models may lie on any node with it
    reservation_id   of the capacity reservation that the nodes are started in; None = bought by the hour
    partition        how each accelerator is divided; None = whole
    efa              replicas span nodes and exchange over Elastic Fabric Adapters: all nodes of the pool in one zone
    root_volume_gib  images × 2 + ephemeral storage of the pods + margin, within the kubelet's thresholds
    models           names, sorted
    most_nodes       that autoscaling may come to need; None = no more than planned
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
    partition: Partition | None = None
    efa: bool = False
    most_nodes: int | None = None


def ranks_per_accelerator(accelerator: Accelerator) -> int:
    """Logical cores of one device: 1 of a GPU."""
    return accelerator.cores // accelerator.cores_per_rank


def ranks_per_node(instance_type: InstanceType) -> int:
    """Ranks that one node holds: all its accelerators, or the one process on its processors."""
    accelerator = instance_type.accelerator
    if accelerator is None or not instance_type.accelerator_count:
        return 1
    return instance_type.accelerator_count * ranks_per_accelerator(accelerator)


def accelerators_for(instance_type: InstanceType, ranks: int) -> int:
    """Accelerators that so many ranks take; 0 where they run on processors."""
    accelerator = instance_type.accelerator
    if accelerator is None or not instance_type.accelerator_count:
        return 0
    return ceil_div(ranks, ranks_per_accelerator(accelerator))
