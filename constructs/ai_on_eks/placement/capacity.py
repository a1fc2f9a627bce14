"""From a fleet to the groups of nodes that are asked for.

    groups      those of the fleet's pools: one for each reservation, one for what is bought by the hour
    root volume = (2 × images + disk of the pods that can meet on a node + a margin) ÷ share the kubelet uses
    disk of the pods = the most that replicas of the pool's models can need together with the accelerators of one node

What is needed is the same where a type's own NVMe disks hold it instead; who starts the node decides that.

Models share the nodes of a pool, and the scheduler may put together what the plan did not: so any pods that find
accelerators on a node have to find disk there as well. The factor two covers an update, when the old image and the new
one lie side by side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from ai_on_eks.placement.fleet.types import FleetGroup, FleetPlan, FleetPool
from ai_on_eks.placement.types import CapacityRequest, Placement
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
    requests = [_request(pool, group, image_bytes) for pool in fleet.pools for group in pool.groups]
    return tuple(sorted(requests, key=lambda request: request.name))


def _request(pool: FleetPool, group: FleetGroup, image_bytes: Mapping[str, int]) -> CapacityRequest:
    return CapacityRequest(
        name=group.name,
        instance_type=pool.instance_type,
        capacity_type=pool.capacity_type,
        nodes=group.nodes,
        zones=group.zones,
        root_volume_gib=_root_volume_gib(pool, image_bytes),
        models=tuple(sorted(member.model for member in pool.members)),
        pool=pool.name,
        reservation_id=group.reservation_id,
        partition=pool.partition,
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
