"""Nodes beyond the planned ones that autoscaling may come to need.

    more = Σ models of the pool ⌈(most − planned replicas) × nodes of a replica ÷ replicas on a node⌉

Each model counts nodes of its own: at the peak of all of them nobody knows what finds room beside what. Only nodes that
are bought by the hour can become more, and only where a controller starts them when a pod needs one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.fleet.types import FleetMember, FleetPlan
from ai_on_eks.placement.ranking import autoscaling_range
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.units import ceil_div


def with_room(requests: Sequence[CapacityRequest], fleet: FleetPlan, capacity: Capacity) -> tuple[CapacityRequest, ...]:
    """The requests, with the most nodes of each group. Raises InputError where a pool's nodes cannot become more."""
    wanted = _more_nodes(fleet)
    growing = {
        request.pool
        for request in requests
        if request.reservation_id is None
        and capacity.strategy_of(request.pool) is not CapacityStrategy.MANAGED_NODE_GROUPS
    }
    problems = [_problem(pool, more) for pool, more in sorted(wanted.items()) if pool not in growing]
    if problems:
        raise InputError(problems)
    return tuple(
        replace(request, most_nodes=request.nodes + wanted[request.pool])
        if request.reservation_id is None and request.pool in wanted
        else request
        for request in requests
    )


def _more_nodes(fleet: FleetPlan) -> Mapping[str, int]:
    """By pool; those that need no more are left out."""
    most = {plan.descriptor.name: plan.descriptor.serving.maximum_replicas for plan in fleet.plans}
    found = {pool.name: sum(_of_member(one, most[one.model]) for one in pool.members) for pool in fleet.pools}
    return {name: more for name, more in found.items() if more}


def _of_member(member: FleetMember, maximum: int | None) -> int:
    placement = member.placement
    _, most = autoscaling_range(placement, 1, maximum)
    more = most - placement.replicas
    return ceil_div(more * placement.nodes_per_replica, placement.replicas_per_node)


def _problem(pool: str, more: int) -> Problem:
    return Problem(
        "autoscaling-without-nodes",
        f"serving.maximum_replicas of its models needs {more} more nodes of {pool}, which nothing starts: managed node "
        "groups and reservations have as many as they have",
        path="capacity.pool_strategies",
        value=pool,
        fix="start the pool's nodes by karpenter or auto-mode, or leave maximum_replicas out",
    )
