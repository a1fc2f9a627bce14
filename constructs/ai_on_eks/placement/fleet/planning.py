"""Many plans become one fleet: nodes that models share where that is cheaper, and a bound that says how near the least.

    plans → options in pools → search → packing → FleetPlan

A model's placement in a fleet may differ from its own cheapest one: two replicas that each need half of a node of eight
can be cheaper together there than each on a node of four. Everything after this reads `FleetPlan.plans`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import CapacityType
from ai_on_eks.placement.fleet.assembly import DECIMALS, Site, assemble, total
from ai_on_eks.placement.fleet.options import fleet_problem
from ai_on_eks.placement.fleet.problem import Choice, PackingProblem
from ai_on_eks.placement.fleet.search import cheapest_alone, nodes_alone, search
from ai_on_eks.placement.fleet.types import FleetMember, FleetPlan, FleetPool
from ai_on_eks.placement.purchase import own_price
from ai_on_eks.placement.types import Plan, Seat


def plan_fleet(plans: Iterable[Plan], platform: Platform, catalog: Catalog) -> FleetPlan:
    """The fleet of all plans that have a placement; the others are handed through.

    No solver is loaded for one plan, nor where counting alone proves that sharing saves nothing.
    """
    given = tuple(plans)
    fleet = fleet_problem(given, platform)
    if not fleet.plans:
        return FleetPlan(given, (), 0.0, 0.0, 0.0)
    answer = search(fleet.problem)
    alone = tuple(cheapest_alone(fleet.problem, model) for model in fleet.problem.models)
    pools = assemble(fleet, answer.choice, alone, Site(platform, catalog))
    cost = total(pool.usd_per_hour for pool in pools)
    seats = dict(_seats(pools))
    told = {member.model: _price_warnings(pool) for pool in pools for member in pool.members}
    return FleetPlan(
        plans=tuple(
            _seated(_warned(plan, told[plan.descriptor.name]), *seats[plan.descriptor.name]) if plan.accepted else plan
            for plan in given
        ),
        pools=pools,
        usd_per_hour=cost,
        bound_usd_per_hour=None if cost is None else min(cost, round(answer.bound_usd_per_hour, DECIMALS)),
        alone_usd_per_hour=_alone(fleet.problem, alone),
    )


def _seats(pools: Sequence[FleetPool]) -> Iterator[tuple[str, tuple[FleetMember, Seat]]]:
    of_type = Counter(pool.instance_type.name for pool in pools)
    for pool in pools:
        name = pool.name if of_type[pool.instance_type.name] > 1 or pool.partition is not None else None
        mixed = len({member.share for member in pool.members}) > 1
        for member in pool.members:
            yield member.model, (member, Seat(name, member.share if mixed else None))


def _price_warnings(pool: FleetPool) -> tuple[str, ...]:
    """Where the on-demand price stands in for one that nobody published. Reserved nodes are paid for already."""
    kind, bought = pool.instance_type, CapacityType(pool.capacity_type)
    if pool.is_paid or kind.price is None or own_price(kind, bought) is not None:
        return ()
    missing = f"no {bought.value} price of {kind.name} is in the catalogue"
    return (f"{missing}: its nodes are counted at the on-demand price",)


def _warned(plan: Plan, warnings: tuple[str, ...]) -> Plan:
    return replace(plan, warnings=(*plan.warnings, *warnings)) if warnings else plan


def _seated(plan: Plan, member: FleetMember, seat: Seat) -> Plan:
    """The plan with the fleet's choice; what was its own becomes the first alternative where that is another."""
    if plan.chosen is member.placement:
        return replace(plan, seat=seat)
    own = () if plan.chosen is None else (plan.chosen,)
    others = tuple(placement for placement in plan.alternatives if placement is not member.placement)
    return replace(plan, chosen=member.placement, alternatives=(*own, *others), seat=seat)


def _alone(problem: PackingProblem, alone: Choice) -> float | None:
    """Dollars an hour if each model had nodes of its own."""
    nodes = [0] * len(problem.pools)
    for model, index in zip(problem.models, alone, strict=True):
        option = model.options[index]
        nodes[option.pool] += nodes_alone(problem.pools, model, option)
    return total(
        None if count > pool.reserved and pool.usd_per_hour is None else pool.cost(count)
        for pool, count in zip(problem.pools, nodes, strict=True)
    )
