"""From many plans to the nodes they need together.

    nodes(instance type, capacity type) = Σ over plans: nodes of the chosen placement
    root volume = (2 × images + disk of the pods that can meet on a node + a margin) ÷ share the kubelet uses

What is needed is the same where a type's own NVMe disks hold it instead; who starts the node decides that.

Nodes are counted as if models did not share them: a plan's price would then depend on its neighbours. The scheduler
knows nothing of that and may put pods of several models on one node with free accelerators, so its disk holds them all.
The factor two covers an update, when the old image and the new one lie side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.types import CapacityRequest, Placement, Plan
from ai_on_eks.units import GIB, ceil_div

ROOT_VOLUME_MARGIN_GIB = 20
"""Operating system, kubelet, logs and the DaemonSets' images. An assumption: as much as a managed node group gives a
whole node by default (EKS user guide, diskSize 20 GiB, 2026-11)."""

USABLE_SHARE = 0.85
"""Of a file system. Above 85 % the kubelet deletes images (imageGCHighThresholdPercent 85), and below 10 % free it
evicts pods (nodefs.available, nodeadm kubelet configuration v20260714) and refuses requests for the rest."""

ROOT_VOLUME_STEP_GIB = 10
"""Sizes are rounded up to this, so that a small change of a model does not replace a launch template."""


def capacity_requests(
    plans: Iterable[Plan], platform: Platform, catalog: Catalog, image_bytes: Mapping[str, int]
) -> tuple[CapacityRequest, ...]:
    """One request per instance type and capacity type, sorted by name.

    `image_bytes` gives the unpacked size of each image key; a missing key is a KeyError, not a guess.
    """
    groups: dict[tuple[str, str], list[Plan]] = {}
    for plan in plans:
        if plan.chosen is None:
            continue
        key = (plan.chosen.instance_type.name, plan.descriptor.constraints.capacity_type.value)
        groups.setdefault(key, []).append(plan)
    return tuple(
        _request(group, capacity_type, platform, catalog, image_bytes)
        for (_, capacity_type), group in sorted(groups.items())
    )


def _request(
    group: list[Plan], capacity_type: str, platform: Platform, catalog: Catalog, image_bytes: Mapping[str, int]
) -> CapacityRequest:
    placements = [plan.chosen for plan in group if plan.chosen is not None]
    instance_type = placements[0].instance_type
    return CapacityRequest(
        name=_name(instance_type, capacity_type),
        instance_type=instance_type,
        capacity_type=capacity_type,
        nodes=sum(placement.nodes for placement in placements),
        zones=tuple(
            zone
            for zone in platform.network.availability_zones
            if zone in catalog.zones(instance_type.name, platform.region)
        ),
        root_volume_gib=_root_volume_gib(placements, image_bytes),
        models=tuple(sorted(plan.descriptor.name for plan in group)),
    )


def _name(instance_type: InstanceType, capacity_type: str) -> str:
    suffix = "" if capacity_type == "on-demand" else f"-{capacity_type}"
    return f"{instance_type.name.replace('.', '-')}{suffix}"


def _root_volume_gib(placements: list[Placement], image_bytes: Mapping[str, int]) -> int:
    images_bytes = sum(image_bytes[key] for key in sorted({placement.image_key for placement in placements}))
    pods_bytes = sum(
        placement.memory.host.ephemeral_bytes * min(placement.replicas, placement.replicas_per_node)
        for placement in placements
    )
    needed_gib = ceil((ceil_div(2 * images_bytes + pods_bytes, GIB) + ROOT_VOLUME_MARGIN_GIB) / USABLE_SHARE)
    return ceil_div(needed_gib, ROOT_VOLUME_STEP_GIB) * ROOT_VOLUME_STEP_GIB
