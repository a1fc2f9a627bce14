"""From a choice to the pools that are bought: which nodes, paid how, with what on them, and what each model's part is.

A pool of the problem becomes one pool that models share and one for each model with nodes of its own. Reservations pay
for shared nodes first, in the order of their ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256

from msgspec import Struct

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.placement.fleet.options import FleetProblem, PoolKey, reservations_of
from ai_on_eks.placement.fleet.packing import Node, pack
from ai_on_eks.placement.fleet.problem import Choice, Option, chosen
from ai_on_eks.placement.fleet.types import FleetGroup, FleetMember, FleetNode, FleetPool
from ai_on_eks.placement.requirements import usable_zones

DECIMALS = 6
"""Of sums of dollars; no published price has more."""


class Site(Struct, frozen=True):
    """Where pools can stand: what the platform and the catalogue say of zones and reservations."""

    platform: Platform
    catalog: Catalog

    def zones(self, instance_type: str, descriptors: Iterable[Descriptor]) -> tuple[str, ...]:
        """The platform's zones that offer the type and that replicas of all of these models may stand in."""
        offered = set(self.catalog.zones(instance_type, self.platform.region))
        for descriptor in descriptors:
            offered &= set(usable_zones(descriptor, self.platform))
        return tuple(zone for zone in self.platform.network.availability_zones if zone in offered)


def assemble(fleet: FleetProblem, choice: Choice, alone: Choice, site: Site) -> tuple[FleetPool, ...]:
    """Every pool with nodes, by name."""
    members = _members(fleet, choice, alone)
    options = chosen(fleet.problem, choice)
    pools: list[FleetPool] = []
    for key, packing in zip(fleet.keys, pack(fleet.problem, choice), strict=True):
        paid = [
            (reservation.id, reservation.zone, reservation.count) for reservation in reservations_of(key, site.platform)
        ]
        for name, nodes in _parts(fleet, key, packing.shared, packing.own):
            seated = [fleet.plans[model].descriptor for model in sorted({model for node in nodes for model in node})]
            zones = site.zones(key.instance_type.name, seated)
            groups, paid = _groups(key, name, len(nodes), paid, zones)
            pools.append(_pool(key, name, groups, nodes, members=members, options=options))
    return tuple(sorted(pools, key=lambda pool: pool.name))


def total(values: Iterable[float | None]) -> float | None:
    """The sum, or None where a part of it is unknown."""
    known = list(values)
    return None if None in known else round(sum(value for value in known if value is not None), DECIMALS)


def _members(fleet: FleetProblem, choice: Choice, alone: Choice) -> tuple[FleetMember, ...]:
    return tuple(
        FleetMember(
            model=plan.descriptor.name,
            placement=placements[index],
            own=placements[own],
            share=model.options[index].share,
            usd_per_hour=None,
        )
        for plan, model, placements, index, own in zip(
            fleet.plans, fleet.problem.models, fleet.placements, choice, alone, strict=True
        )
    )


def _parts(
    fleet: FleetProblem, key: PoolKey, shared: Sequence[Node], own: dict[int, tuple[Node, ...]]
) -> Iterable[tuple[str, Sequence[Node]]]:
    """(name, nodes) of the pool that is shared, then of those that are not. A model's name would not fit into a label
    beside the type's, so its digest stands for it."""
    if shared:
        yield key.name, shared
    for model, nodes in sorted(own.items()):
        digest = sha256(fleet.problem.models[model].name.encode()).hexdigest()[:8]
        yield f"{key.name}-{digest}", nodes


Paid = list[tuple[str, str, int]]
"""(id, zone, nodes left) of reservations."""


def _groups(
    key: PoolKey, name: str, nodes: int, paid: Paid, zones: tuple[str, ...]
) -> tuple[tuple[FleetGroup, ...], Paid]:
    """The groups that make up so many nodes, reserved ones first, and what is left of the reservations."""
    groups: list[FleetGroup] = []
    left: Paid = []
    for reservation_id, zone, count in paid:
        used = min(count, nodes)
        nodes -= used
        if used:
            groups.append(FleetGroup(f"{name}-{reservation_id}", used, (zone,), reservation_id, 0.0))
        if count > used:
            left.append((reservation_id, zone, count - used))
    if nodes:
        groups.append(FleetGroup(name, nodes, zones, None, key.usd_per_hour))
    return tuple(groups), left


def _pool(
    key: PoolKey,
    name: str,
    groups: tuple[FleetGroup, ...],
    nodes: Sequence[Node],
    *,
    members: Sequence[FleetMember],
    options: Sequence[Option],
) -> FleetPool:
    cost = total(None if group.usd_per_hour is None else group.nodes * group.usd_per_hour for group in groups)
    seated = sorted({model for node in nodes for model in node})
    units = {model: options[model].replicas * options[model].share for model in seated}
    return FleetPool(
        name=name,
        instance_type=key.instance_type,
        capacity_type=key.capacity_type.value,
        partition=key.partition,
        units=key.units,
        groups=groups,
        nodes=_alike(nodes, members),
        members=tuple(_charged(members[model], cost, units[model], sum(units.values())) for model in seated),
        usd_per_hour=cost,
    )


def _charged(member: FleetMember, cost: float | None, units: int, of: int) -> FleetMember:
    part = None if cost is None else round(cost * units / of, DECIMALS)
    return FleetMember(member.model, member.placement, member.own, member.share, part)


def _alike(nodes: Sequence[Node], members: Sequence[FleetMember]) -> tuple[FleetNode, ...]:
    """Nodes with the same replicas counted together, in the order they are filled."""
    contents = Counter(
        tuple(sorted((members[model].model, replicas) for model, replicas in node.items())) for node in nodes
    )
    return tuple(FleetNode(count, replicas) for replicas, count in contents.items())
