"""From a fleet to the groups of nodes that are asked for.

    groups      those of the fleet's pools: one for each reservation, one for what is bought by the hour
    root volume = (2 × images + disk of the pods that can meet on a node + a margin) ÷ share the kubelet uses
    disk of the pods = the most that replicas of the pool's models can need together with the accelerators of one node

zone        of nodes that exchange over EFA: one, that of the pool's reservation where it has one

What is needed is the same where a type's own NVMe disks hold it instead; who starts the node decides that.

Models share the nodes of a pool, and the scheduler may put together what the plan did not: so any pods that find
accelerators on a node have to find disk there as well. The factor two covers an update, when the old image and the new
one lie side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.fleet.types import FleetGroup, FleetPlan, FleetPool
from ai_on_eks.placement.types import CapacityRequest, Placement, ranks_per_node
from ai_on_eks.units import GIB, ceil_div

ROOT_VOLUME_MARGIN_GIB = 20
"""Operating system, kubelet, logs and the DaemonSets' images. An assumption: as much as a managed node group gives a
whole node by default (EKS user guide, diskSize 20 GiB, 2026-11)."""

USABLE_SHARE = 0.85
"""Of a file system. Above 85 % the kubelet deletes images (imageGCHighThresholdPercent 85), and below 10 % free it
evicts pods (nodefs.available, nodeadm kubelet configuration v20260714) and refuses requests for the rest."""

ROOT_VOLUME_STEP_GIB = 10
"""Sizes are rounded up to this, so that a small change of a model does not replace a launch template."""


def capacity_requests(fleet: FleetPlan, image_bytes: Mapping[str, int]) -> tuple[CapacityRequest, ...]:
    """One request for each group of nodes, sorted by name.

    `image_bytes` gives the unpacked size of each image key; a missing key is a KeyError, not a guess.
    """
    requests = [request for pool in fleet.pools for request in _requests(pool, image_bytes)]
    return tuple(sorted(requests, key=lambda request: request.name))


def _requests(pool: FleetPool, image_bytes: Mapping[str, int]) -> list[CapacityRequest]:
    efa = any(exchanges_over_efa(member.placement) for member in pool.members)
    zone = _common_zone(pool) if efa else None
    return [
        _request(pool, group, group.zones if zone is None else (zone,), image_bytes, efa=efa) for group in pool.groups
    ]


def exchanges_over_efa(placement: Placement) -> bool:
    """Whether a replica spans nodes that have adapters, or would be too slow without: stages hand on little, tensor
    parallelism everything."""
    if placement.nodes_per_replica == 1:
        return False
    needs = placement.tensor_parallel > ranks_per_node(placement.instance_type)
    return needs or placement.instance_type.efa_interfaces > 0


def _common_zone(pool: FleetPool) -> str | None:
    """The one zone of a pool's nodes; None where no zone offers the type, which is told elsewhere."""
    reserved = sorted({zone for group in pool.groups if group.reservation_id is not None for zone in group.zones})
    if len(reserved) > 1:
        raise InputError(
            Problem(
                code="efa-zones-apart",
                message=f"replicas on {pool.instance_type.name} span nodes, and its reservations lie in "
                f"{' and '.join(reserved)}: EFA does not cross zones",
                path="capacity.reservations",
                value=reserved,
                fix="name the reservations of one zone only",
            )
        )
    bought = [zone for group in pool.groups for zone in group.zones]
    return next(iter([*reserved, *bought]), None)


def _request(
    pool: FleetPool, group: FleetGroup, zones: tuple[str, ...], image_bytes: Mapping[str, int], *, efa: bool
) -> CapacityRequest:
    return CapacityRequest(
        name=group.name,
        instance_type=pool.instance_type,
        capacity_type=pool.capacity_type,
        nodes=group.nodes,
        zones=zones,
        root_volume_gib=_root_volume_gib(pool, image_bytes),
        models=tuple(sorted(member.model for member in pool.members)),
        pool=pool.name,
        reservation_id=group.reservation_id,
        partition=pool.partition,
        efa=efa,
    )


def _root_volume_gib(pool: FleetPool, image_bytes: Mapping[str, int]) -> int:
    placements = [member.placement for member in pool.members]
    keys = {placement.image_key for placement in placements if placement.image_key is not None}
    images_bytes = sum(image_bytes[key] for key in sorted(keys))
    pods_bytes = _pods_bytes(placements, pool.units)
    needed_gib = ceil((ceil_div(2 * images_bytes + pods_bytes, GIB) + ROOT_VOLUME_MARGIN_GIB) / USABLE_SHARE)
    return ceil_div(needed_gib, ROOT_VOLUME_STEP_GIB) * ROOT_VOLUME_STEP_GIB


def _pods_bytes(placements: Sequence[Placement], units: int) -> int:
    """Disk of the pods that fill a node, those first that need most for each accelerator; the last may stand over."""
    left, total_bytes = units, 0
    accelerators = {id(one): max(1, one.accelerators_per_replica // one.nodes_per_replica) for one in placements}
    for one in sorted(placements, key=lambda one: -one.memory.host.ephemeral_bytes / accelerators[id(one)]):
        pods = min(one.replicas, one.replicas_per_node, ceil_div(left, accelerators[id(one)]))
        total_bytes += pods * one.memory.host.ephemeral_bytes
        left -= pods * accelerators[id(one)]
        if left <= 0:
            break
    return total_bytes
