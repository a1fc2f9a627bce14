"""The nodes that read from the platform's Lustre file system: whether they can, and how they are told.

zone     the file system's; what crosses zones is slow and charged for
EFA      nodes with adapters that the file system has too read over them (`aws.lustre_client`)
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec.structs import replace

from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.catalog.lustre_efa import lustre_adapters, most_connections, why_not_by_efa
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_storage import FsxForLustre
from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.errors import InputError, Problem
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.serving.fine_tune import FineTuneWorkload
from ai_on_eks.serving.types import Workload

ZONE_PATH, EFA_PATH = "storage.fsx.zone", "storage.fsx.efa"


def lustre_readers(workloads: Sequence[Workload], jobs: Sequence[FineTuneWorkload] = ()) -> frozenset[str]:
    """Names of the models and jobs whose pods mount the file system."""
    models = (one.name for one in workloads if one.claim is not None and one.claim.storage is Storage.FSX)
    return frozenset((*models, *(job.name for job in jobs if job.claims)))


def reader_spec(
    spec: NodeGroupSpec, request: CapacityRequest, platform: Platform, readers: Collection[str]
) -> NodeGroupSpec:
    """`spec`, told to read over its adapters where it has some and so has the file system."""
    return replace(spec, lustre_over_efa=True) if _by_efa(request, platform.storage.fsx, readers) else spec


def check_readers(platform: Platform, requests: Sequence[CapacityRequest], readers: Collection[str]) -> None:
    """Raise InputError with every node that would not read as the file system is meant to be read."""
    fsx = platform.storage.fsx
    if fsx is None:
        return
    reading = [request for request in requests if not set(request.models).isdisjoint(readers)]
    problems = [*_zones(fsx, reading, readers), *_clients(fsx, reading, readers), *_connections(fsx, reading, readers)]
    if problems:
        raise InputError(problems)


def _by_efa(request: CapacityRequest, fsx: FsxForLustre | None, readers: Collection[str]) -> bool:
    return fsx is not None and fsx.efa and request.efa and not set(request.models).isdisjoint(readers)


def _zones(fsx: FsxForLustre, reading: Sequence[CapacityRequest], readers: Collection[str]) -> list[Problem]:
    """A reservation can have nodes in another zone; what is bought by the hour was planned for the file system's."""
    return [
        Problem(
            code="fsx-zone-mismatch",
            message=f"{_names(request, readers)} would read from another zone than its nodes {request.name} stand in",
            path=ZONE_PATH,
            value=fsx.zone,
            allowed=request.zones,
            fix=f"remove the reservation {request.reservation_id}, or write storage: s3"
            if request.reservation_id
            else "make the file system in a zone that offers the type, or write storage: s3",
        )
        for request in reading
        if set(request.zones) != {fsx.zone}
    ]


def _clients(fsx: FsxForLustre, reading: Sequence[CapacityRequest], readers: Collection[str]) -> list[Problem]:
    """Nodes with adapters that would read over TCP nevertheless, from a file system that is paid for by its speed."""
    reasons = ((one, why_not_by_efa(one.instance_type)) for one in reading if _by_efa(one, fsx, readers))
    return [
        Problem(
            code="fsx-efa-client",
            message=f"{_names(request, readers)} would read over TCP all the same: {request.instance_type.name} {why}",
            path=EFA_PATH,
            value=True,
            fix="allow another type in constraints.instance_families, or make the file system without efa",
        )
        for request, why in reasons
        if why is not None
    ]


def _connections(fsx: FsxForLustre, reading: Sequence[CapacityRequest], readers: Collection[str]) -> list[Problem]:
    clients = [one for one in reading if _by_efa(one, fsx, readers)]
    taken = sum((one.most_nodes or one.nodes) * lustre_adapters(one.instance_type) for one in clients)
    if taken <= most_connections():
        return []
    message = f"a file system takes {most_connections()} adapters of clients, and {taken} would read from it"
    fix = "let fewer replicas read from it, or make the file system without efa"
    return [Problem("fsx-efa-client", message, path=EFA_PATH, value=True, fix=fix)]


def _names(request: CapacityRequest, readers: Collection[str]) -> str:
    return ", ".join(sorted(set(request.models) & set(readers)))
