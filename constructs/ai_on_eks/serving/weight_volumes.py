"""Which volume a model's pods mount for their weights, and how fast a node reads from it.

    FSx for Lustre  throughput of the file system ÷ nodes of the model's replicas
    EFS             what one client gets; the file system grows with them
    bucket          the node's own network

All replicas may start at once; other models that start at the same time are not counted. A cache is never larger than
the model: the plan keeps that much of the node's disk, as for pods that copy.
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_storage import PlatformStorage
from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.performance.readiness import EFS_BYTES_PER_SECOND, network_bytes_per_second
from ai_on_eks.placement.requirements import effective_precision
from ai_on_eks.placement.types import Placement, Plan
from ai_on_eks.serving.lustre import lustre_shape
from ai_on_eks.serving.types import WeightsClaim
from ai_on_eks.serving.weights import model_folder
from ai_on_eks.sizing.weights import checkpoint_bytes
from ai_on_eks.units import GIB, ceil_div


def weights_claim(plan: Plan, placement: Placement, storage: PlatformStorage) -> WeightsClaim | None:
    """The volume, or None where the pods fetch the weights."""
    descriptor = plan.descriptor
    stored_bytes = stored_weights_bytes(plan)
    if descriptor.storage is Storage.FSX and storage.fsx is not None:
        nodes = ceil_div(placement.replicas, placement.replicas_per_node) * placement.nodes_per_replica
        bytes_per_second = lustre_shape(storage.fsx, (stored_bytes,)).bytes_per_second / nodes
    elif descriptor.storage is Storage.EFS and storage.efs is not None:
        bytes_per_second = EFS_BYTES_PER_SECOND
    elif _mounts_the_bucket(plan, placement, storage):
        bytes_per_second = network_bytes_per_second(placement.instance_type, 1)
    else:
        return None
    return WeightsClaim(
        storage=descriptor.storage,
        name=f"{descriptor.name}-weights",
        folder=model_folder(descriptor),
        stored_bytes=stored_bytes,
        bytes_per_second=bytes_per_second,
        network_gbps=_reachable_gbps(placement.instance_type),
        cache_gib=0 if storage.s3_mount is None else min(storage.s3_mount.cache_gib, ceil_div(stored_bytes, GIB)),
    )


def _reachable_gbps(instance_type: InstanceType) -> int:
    """What a pod can reach at best, credits included: a client that is told less never asks for more."""
    sustained = instance_type.pod_network_gbps or instance_type.network_gbps
    burst = instance_type.network_burst_gbps if instance_type.network_cards <= 1 else 0.0
    return ceil(max(sustained, burst))


def _mounts_the_bucket(plan: Plan, placement: Placement, storage: PlatformStorage) -> bool:
    """Only where the engine reads files: one that streams from S3 does so faster than through a mount."""
    streams = placement.engine.memory.host.streams_from_object_storage
    return plan.descriptor.storage is Storage.S3 and storage.s3_mount is not None and not streams


def stored_weights_bytes(plan: Plan) -> int:
    """Of the published checkpoint, layers that are not served included."""
    return sum(checkpoint_bytes(plan.inventory, effective_precision(plan.descriptor)))


def with_lustre_shape(platform: Platform, plans: tuple[Plan, ...]) -> Platform:
    """The platform with what its file system's size and speed come to for these models, where its file says neither.

    From here on the figures are the platform's: stacks, volumes and start-up budgets read the same.
    """
    fsx = platform.storage.fsx
    if fsx is None:
        return platform
    stored = [stored_weights_bytes(plan) for plan in plans if plan.descriptor.storage is Storage.FSX]
    shape = lustre_shape(fsx, stored)
    figures = {"size_gib": shape.size_gib, "throughput_mbps_per_tib": shape.throughput_mbps_per_tib}
    storage = platform.storage.model_copy(update={"fsx": fsx.model_copy(update=figures)})
    return platform.model_copy(update={"storage": storage})
