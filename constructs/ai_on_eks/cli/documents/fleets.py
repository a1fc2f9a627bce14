"""A fleet: the nodes that are bought, what lies on them, each model's part of the bill, and what was proved."""

from __future__ import annotations

from typing import Any

from ai_on_eks.placement.fleet.types import FleetGroup, FleetMember, FleetPlan, FleetPool
from ai_on_eks.placement.partition import Partition


def fleet_mapping(fleet: FleetPlan) -> dict[str, Any]:
    """All pools; sums are null as soon as a price is unknown. `gap` is a share: 0.02 is two in a hundred."""
    cost, alone = fleet.usd_per_hour, fleet.alone_usd_per_hour
    return {
        "usd_per_hour": cost,
        "bound_usd_per_hour": fleet.bound_usd_per_hour,
        "gap": None if fleet.gap is None else round(fleet.gap, 9),
        "alone_usd_per_hour": alone,
        "saving_usd_per_hour": None if cost is None or alone is None else round(alone - cost, 6),
        "pools": [pool_mapping(pool) for pool in fleet.pools],
    }


def pool_mapping(pool: FleetPool) -> dict[str, Any]:
    """One pool. `shares_per_node` is what the shares of its models are counted in."""
    return {
        "name": pool.name,
        "instance_type": pool.instance_type.name,
        "capacity_type": pool.capacity_type,
        "partition": None if pool.partition is None else _partition_mapping(pool.partition),
        "count": pool.node_count,
        "shares_per_node": pool.units,
        "usd_per_hour": pool.usd_per_hour,
        "groups": [_group_mapping(group) for group in pool.groups],
        "models": [_member_mapping(member) for member in pool.members],
        "nodes": [{"count": node.count, "replicas": dict(node.replicas)} for node in pool.nodes],
    }


def part_mapping(pool: FleetPool, member: FleetMember) -> dict[str, Any]:
    """What a plan says of its place in the fleet."""
    return {
        "pool": pool.name,
        "share": member.share,
        "shares_per_node": pool.units,
        "models": len(pool.members),
        "usd_per_hour": member.usd_per_hour,
        "differs": member.own is not member.placement,
        "alone": {
            "instance_type": member.own.instance_type.name,
            "nodes": member.own.nodes,
            "usd_per_hour": member.own.usd_per_hour,
        },
    }


def _partition_mapping(partition: Partition) -> dict[str, Any]:
    return {
        "parts_per_accelerator": partition.parts,
        "memory_bytes": partition.memory_bytes,
        "speed_share": partition.share,
        "mig_profile": partition.mig_profile,
    }


def _group_mapping(group: FleetGroup) -> dict[str, Any]:
    return {
        "name": group.name,
        "count": group.nodes,
        "availability_zones": list(group.zones),
        "reservation_id": group.reservation_id,
        "usd_per_hour_each": group.usd_per_hour,
    }


def _member_mapping(member: FleetMember) -> dict[str, Any]:
    return {
        "model": member.model,
        "replicas": member.placement.replicas,
        "share": member.share,
        "usd_per_hour": member.usd_per_hour,
    }
