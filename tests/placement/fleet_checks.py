"""A fleet checked again from the catalogue's figures alone, by none of the code that made it."""

from __future__ import annotations

from collections import Counter

from ai_on_eks.catalog.daemonsets import daemonsets_on
from ai_on_eks.catalog.types import Price
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.fleet.types import FleetNode, FleetPlan, FleetPool

HALF_A_CENT = 0.005


def faults(fleet: FleetPlan, platform: Platform) -> list[str]:
    """Everything about the fleet that could not be bought, placed or added up; empty when all is well."""
    return [
        *(fault for pool in fleet.pools for node in pool.nodes for fault in _node_faults(pool, node)),
        *_replica_faults(fleet),
        *_reservation_faults(fleet, platform),
        *_cost_faults(fleet),
    ]


def _node_faults(pool: FleetPool, node: FleetNode) -> list[str]:
    kind, members = pool.instance_type, {member.model: member.placement for member in pool.members}
    daemonsets = daemonsets_on(kind)
    on = [(members[model], count) for model, count in node.replicas]
    needs = {
        "accelerators": (
            sum(-(-one.accelerators_per_replica // one.nodes_per_replica) * count for one, count in on),
            kind.accelerator_count * (pool.partition.parts if pool.partition else 1),
        ),
        "processor": (
            sum(one.cpu_request_millicores * count for one, count in on),
            kind.allocatable_cpu_millicores - sum(one.cpu_millicores for one in daemonsets),
        ),
        "memory": (
            sum(one.memory.host.memory_bytes * count for one, count in on),
            kind.allocatable_memory_bytes - sum(one.memory_bytes for one in daemonsets),
        ),
        "pods": (sum(count for _, count in on) + len(daemonsets), kind.max_pods),
    }
    wrong = [one.instance_type.name for one, _ in on if one.instance_type.name != kind.name]
    over = [
        f"{pool.name}: {name} {needed} > {present}" for name, (needed, present) in needs.items() if needed > present
    ]
    return [*over, *wrong]


def _replica_faults(fleet: FleetPlan) -> list[str]:
    lying: Counter[str] = Counter()
    nodes: Counter[str] = Counter()
    for pool in fleet.pools:
        if sum(node.count for node in pool.nodes) != pool.node_count:
            lying[f"nodes of {pool.name}"] += 1
        for node in pool.nodes:
            for model, count in node.replicas:
                lying[model] += count * node.count
                nodes[model] += node.count
    wanted = Counter(
        {
            plan.descriptor.name: plan.chosen.replicas * plan.chosen.nodes_per_replica
            for plan in fleet.plans
            if plan.chosen is not None
        }
    )
    crowded = [
        plan.descriptor.name
        for plan in fleet.plans
        if plan.chosen and plan.descriptor.serving.minimum_replicas > 1 and nodes[plan.descriptor.name] < 2
    ]
    return [f"replicas {lying} instead of {wanted}"] * (lying != wanted) + [f"one node for {name}" for name in crowded]


def _reservation_faults(fleet: FleetPlan, platform: Platform) -> list[str]:
    used: Counter[str] = Counter()
    for pool in fleet.pools:
        for group in pool.groups:
            if group.reservation_id is not None:
                used[group.reservation_id] += group.nodes
    counts = {reservation.id: reservation.count for reservation in platform.capacity.reservations}
    return [f"{name}: {count} used" for name, count in used.items() if count > counts[name]]


def _cost_faults(fleet: FleetPlan) -> list[str]:
    known = [
        group.nodes * price.usd_per_hour
        for pool in fleet.pools
        for group in pool.groups
        if group.reservation_id is None and (price := _price(pool)) is not None
    ]
    if fleet.usd_per_hour is None:
        return []
    parts = [member.usd_per_hour or 0.0 for pool in fleet.pools for member in pool.members]
    wrong = [value for value in (sum(known), sum(parts)) if abs(value - fleet.usd_per_hour) > HALF_A_CENT]
    return [f"{value} instead of {fleet.usd_per_hour} $/h" for value in wrong]


def _price(pool: FleetPool) -> Price | None:
    kind = pool.instance_type
    own = {"spot": kind.spot_price, "capacity-block": kind.capacity_block_price}.get(pool.capacity_type)
    return own or kind.price
