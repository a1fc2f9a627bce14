"""From plans to the problem that is solved for a fleet: the pools there could be, and each model's options in them.

Of several placements of a model in one pool the one that takes the fewest units is kept, and what all of them need at
least stays with it as the floor, so that the bound holds for those that were dropped as well. Of types whose nodes hold
a single replica only the cheapest is kept: two models never share such a node, so nothing else can make a dearer one
worth while.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.catalog.daemonsets import daemonsets_on, reserved_by_daemonsets
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import Platform, Reservation
from ai_on_eks.descriptors.schema import CapacityType, Policy
from ai_on_eks.placement.fleet.partitions import on_parts
from ai_on_eks.placement.fleet.problem import Model, Option, PackingProblem, Pool
from ai_on_eks.placement.fleet.shares import Resources, nodes_for, share_of
from ai_on_eks.placement.partition import Partition
from ai_on_eks.placement.purchase import own_price
from ai_on_eks.placement.types import Placement, Plan
from ai_on_eks.units import MIB, ceil_div

ACCEPTED_CAPACITY: Mapping[CapacityType, tuple[CapacityType, ...]] = {
    CapacityType.ON_DEMAND: (CapacityType.ON_DEMAND,),
    CapacityType.SPOT: (CapacityType.SPOT, CapacityType.ON_DEMAND),
    CapacityType.CAPACITY_BLOCK: (CapacityType.CAPACITY_BLOCK,),
}
"""Nodes that a model may lie on, by what its descriptor asks for: who bears interruptions bears their absence."""


MANAGER_MILLICORES = 100
MANAGER_MEMORY_BYTES = 256 * MIB
"""Set aside for the MIG manager, which runs on divided nodes alone and requests nothing. An assumption: it reads a file
and calls the driver, then waits."""


class PoolKey(Struct, frozen=True):
    """What makes a pool: nodes of one type, bought in one way, their accelerators whole or divided alike."""

    instance_type: InstanceType
    capacity_type: CapacityType
    partition: Partition | None = None

    @property
    def name(self) -> str:
        """A name for Kubernetes labels and construct ids; a change of it replaces the nodes."""
        suffix = "" if self.capacity_type is CapacityType.ON_DEMAND else f"-{self.capacity_type.value}"
        divided = "" if self.partition is None else f"-{self.partition.name}"
        return f"{self.instance_type.name.replace('.', '-')}{divided}{suffix}"

    @property
    def units(self) -> int:
        """Accelerators that a node shows, or their parts; 1 where it shows none."""
        parts = 1 if self.partition is None else self.partition.parts
        return max(1, self.instance_type.accelerator_count * parts)

    @property
    def usd_per_hour(self) -> float | None:
        """Of one node bought this way; at the on-demand price where no price of its own is published, which is the most
        that spot capacity costs. None where neither is."""
        price = own_price(self.instance_type, self.capacity_type) or self.instance_type.price
        return None if price is None else price.usd_per_hour


class FleetProblem(Struct, frozen=True):
    """The problem with what its indices stand for."""

    problem: PackingProblem
    keys: tuple[PoolKey, ...]
    plans: tuple[Plan, ...]
    placements: tuple[tuple[Placement, ...], ...]


def fleet_problem(plans: Iterable[Plan], platform: Platform) -> FleetProblem:
    """The plans that have a placement, by name; pools by name."""
    placed = sorted((plan for plan in plans if plan.accepted), key=lambda plan: plan.descriptor.name)
    keys = {key.name: key for plan in placed for key, _ in _ways(plan)}
    pools = tuple(_pool(key, platform) for _, key in sorted(keys.items()))
    index = {name: position for position, name in enumerate(sorted(keys))}
    offered = [_offered(plan, pools, index) for plan in placed]
    models = tuple(
        Model(plan.descriptor.name, tuple(option for option, _ in options), spreads(plan))
        for plan, options in zip(placed, offered, strict=True)
    )
    placements = tuple(tuple(placement for _, placement in options) for options in offered)
    return FleetProblem(
        PackingProblem(pools, models), tuple(key for _, key in sorted(keys.items())), tuple(placed), placements
    )


def spreads(plan: Plan) -> bool:
    """Do the replicas have to lie on two nodes at least? Copies on one node fail together."""
    return plan.descriptor.serving.minimum_replicas >= 2


def reservations_of(key: PoolKey, platform: Platform) -> tuple[Reservation, ...]:
    """The platform's reservations whose nodes belong to the pool, by id. Reserved nodes are not divided: a count cannot
    be promised to several pools at once."""
    if key.partition is not None:
        return ()
    return tuple(
        sorted(
            (
                reservation
                for reservation in platform.capacity.reservations
                if reservation.instance_type == key.instance_type.name
                and reservation.capacity_type.value == key.capacity_type.value
            ),
            key=lambda reservation: reservation.id,
        )
    )


def room_of(instance_type: InstanceType, partition: Partition | None = None) -> Resources:
    """What one node has for models, beside its DaemonSets."""
    managed = partition is not None and partition.mig_profile is not None
    cpu_millicores, memory_bytes = reserved_by_daemonsets(instance_type)
    daemonsets = len(daemonsets_on(instance_type))
    return Resources(
        accelerators=instance_type.accelerator_count * (1 if partition is None else partition.parts),
        cpu_millicores=max(0, instance_type.allocatable_cpu_millicores - cpu_millicores - managed * MANAGER_MILLICORES),
        memory_bytes=max(0, instance_type.allocatable_memory_bytes - memory_bytes - managed * MANAGER_MEMORY_BYTES),
        pods=max(1, instance_type.max_pods - daemonsets - managed),
    )


def demand_of(placement: Placement) -> Resources:
    """What one replica needs on each of its nodes."""
    return Resources(
        accelerators=ceil_div(placement.accelerators_per_replica, placement.nodes_per_replica),
        cpu_millicores=placement.cpu_request_millicores,
        memory_bytes=placement.memory.host.memory_bytes,
    )


def option_for(position: int, pool: Pool, demand: Resources, replicas: int, *, nodes: int = 1) -> Option | None:
    """Replicas that each need `demand` on each of their nodes, in the pool; None where a node is too small.

    A replica over several nodes takes them whole: its ranks wait for each other, and a neighbour would slow all down.
    """
    share = pool.units if nodes > 1 else share_of(demand, pool.room, pool.units)
    if share is None:
        return None
    count = replicas * nodes
    return Option(
        pool=position,
        replicas=replicas,
        share=share * nodes,
        floor=Resources(*(count * value for value in _values(demand))),
        apart=Resources(
            *(count if nodes > 1 or 2 * needed > present else 0 for needed, present in demand.pairs(pool.room))
        ),
        full_nodes=count if nodes > 1 or _fills(demand, pool.room) else 0,
    )


def _pool(key: PoolKey, platform: Platform) -> Pool:
    return Pool(
        name=key.name,
        units=key.units,
        room=room_of(key.instance_type, key.partition),
        usd_per_hour=key.usd_per_hour,
        reserved=sum(reservation.count for reservation in reservations_of(key, platform)),
    )


def _ways(plan: Plan) -> Iterator[tuple[PoolKey, Placement]]:
    """Every accepted placement in every pool it may use, best first: on whole accelerators, then on parts of them. A
    plan that was ranked by something else than its price keeps its choice: what the fleet may exchange is decided by
    dollars alone."""
    accepted = plan.accepted if plan.policy is Policy.COST else plan.accepted[:1]
    for placement in accepted:
        for capacity_type in _capacity_types(plan, placement):
            yield PoolKey(placement.instance_type, capacity_type), placement
    if not plan.descriptor.constraints.accelerator_sharing or plan.policy is not Policy.COST:
        return
    for placement in accepted:
        for partition, smaller in on_parts(placement, plan.descriptor):
            for capacity_type in _capacity_types(plan, placement):
                yield PoolKey(placement.instance_type, capacity_type, partition), smaller


def _capacity_types(plan: Plan, placement: Placement) -> Iterator[CapacityType]:
    wanted = plan.descriptor.constraints.capacity_type
    routes = {route.value for route in placement.instance_type.purchase_routes}
    for capacity_type in ACCEPTED_CAPACITY[wanted]:
        if capacity_type.value in routes or capacity_type is wanted:
            yield capacity_type


def _offered(plan: Plan, pools: Sequence[Pool], index: Mapping[str, int]) -> tuple[tuple[Option, Placement], ...]:
    wanted = plan.descriptor.constraints.capacity_type
    by_pool: dict[int, list[tuple[Option, Placement]]] = {}
    ranks: dict[int, int] = {}
    asked: set[int] = set()
    for rank, (key, placement) in enumerate(_ways(plan)):
        position = index[key.name]
        found = option_for(
            position, pools[position], demand_of(placement), placement.replicas, nodes=placement.nodes_per_replica
        )
        if found is None:
            continue
        counted = placement if key.partition is None else _counted(placement, found, pools[position])
        by_pool.setdefault(position, []).append((found, counted))
        ranks.setdefault(id(counted), rank)
        if key.capacity_type is wanted:
            asked.add(position)
    kept = [
        pair for position, options in by_pool.items() for pair in _best(pools[position], options, spread=spreads(plan))
    ]
    kept.sort(key=lambda pair: (ranks[id(pair[1])], pair[0].pool not in asked, pair[0].own_nodes is not None))
    lone = [pair for pair in kept if _is_lone(pair[0], pools)]
    cheapest = min(lone, key=lambda pair: pair[0].replicas * pools[pair[0].pool].ranked_usd_per_hour, default=None)
    return tuple(pair for pair in kept if pair is cheapest or not _is_lone(pair[0], pools))


def _counted(placement: Placement, option: Option, pool: Pool) -> Placement:
    """A placement on parts of accelerators with the nodes that it takes by itself."""
    nodes = nodes_for(option.units, pool.units)
    cost = None if placement.price is None else round(nodes * placement.price.usd_per_hour, 6)
    return replace(placement, nodes=nodes, replicas_per_node=pool.units // option.share, usd_per_hour=cost)


def _is_lone(option: Option, pools: Sequence[Pool]) -> bool:
    """Can the option's nodes never hold another model, and are none of them paid for already?"""
    pool = pools[option.pool]
    return pool.units == 1 and not pool.reserved and option.full_nodes == option.replicas


def _best(
    pool: Pool, options: Sequence[tuple[Option, Placement]], *, spread: bool
) -> Iterator[tuple[Option, Placement]]:
    """The option with the fewest units, and beside it the one with the fewest nodes of its own where those are fewer
    still: three replicas on a node of four accelerators, say, where memory leaves no room for a fourth."""
    floor = _least(option.floor for option, _ in options)
    apart = _least(option.apart for option, _ in options)
    full_nodes = min(option.full_nodes for option, _ in options)

    def floored(option: Option) -> Option:
        return replace(option, floor=floor, apart=apart, full_nodes=full_nodes)

    option, placement = min(options, key=lambda pair: pair[0].units)
    yield floored(option), placement
    lone, lone_placement = min(options, key=lambda pair: pair[1].nodes)
    if lone_placement.nodes < nodes_for(option.units, pool.units):
        own_nodes = max(lone_placement.nodes, 2 if spread else 0)
        yield floored(replace(lone, own_nodes=own_nodes)), lone_placement


def _least(resources: Iterable[Resources]) -> Resources:
    """Of each resource the least that any of them has."""
    return Resources(*(min(values) for values in zip(*map(_values, resources), strict=True)))


def _fills(demand: Resources, room: Resources) -> bool:
    """Every pod of a model asks for an accelerator where there are any, and for processor time everywhere."""
    if room.accelerators:
        return demand.accelerators >= room.accelerators
    return demand.cpu_millicores >= room.cpu_millicores


def _values(resources: Resources) -> tuple[int, int, int, int]:
    return (resources.accelerators, resources.cpu_millicores, resources.memory_bytes, resources.pods)
