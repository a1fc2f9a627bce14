"""What FSx accepts together, and what the file systems of a platform have to agree on with the rest of its file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy, OperatingSystem
from ai_on_eks.descriptors.platform_storage import FsxForLustre, PlatformStorage
from ai_on_eks.errors import Problem

LUSTRE_SIZE_STEP_GIB = 2400
LUSTRE_SMALLEST_GIB = 1200
"""PERSISTENT_2 on SSD comes in 1,200 GiB, 2,400 GiB and multiples of 2,400 GiB
(FSx API reference, CreateFileSystem.StorageCapacity, 2026-11)."""

LUSTRE_THROUGHPUTS_MBPS_PER_TIB = (125, 250, 500, 1000)
"""Of PERSISTENT_2 on SSD (FSx API reference, PerUnitStorageThroughput, 2026-11)."""

LUSTRE_EFA_STEPS_GIB: Mapping[int, int] = {125: 38_400, 250: 19_200, 500: 9_600, 1000: 4_800}
"""Sizes with EFA are multiples of this, by throughput (FSx user guide, increase-storage-capacity, 2026-11)."""

LUSTRE_EFA_SYSTEM = OperatingSystem.AL2023
"""The one of the platform's systems that FSx names for clients by EFA, beside RHEL and Ubuntu (FSx user guide,
configure-efa-clients, 2026-11)."""


def check_storage(storage: PlatformStorage, zones: Sequence[str], capacity: Capacity) -> list[Problem]:
    """Contradictions in the section `storage`, and with what runs on the nodes."""
    return [] if storage.fsx is None else [*_fsx(storage.fsx, zones), *_clients(storage.fsx, capacity)]


def lustre_step_gib(throughput_mbps_per_tib: int, *, efa: bool) -> int:
    """Sizes above the smallest are multiples of this."""
    return LUSTRE_EFA_STEPS_GIB[throughput_mbps_per_tib] if efa else LUSTRE_SIZE_STEP_GIB


def _fsx(fsx: FsxForLustre, zones: Sequence[str]) -> list[Problem]:
    return [*_zone(fsx, zones), *_throughput(fsx), *_size(fsx), *_backups(fsx), *_training(fsx)]


def _zone(fsx: FsxForLustre, zones: Sequence[str]) -> list[Problem]:
    if fsx.zone in zones:
        return []
    message = "the platform has no subnet in the file system's zone"
    fix = f"write {zones[0]}, or add the zone to network.availability_zones"
    return [Problem("fsx-zone", message, path="storage.fsx.zone", value=fsx.zone, allowed=tuple(zones), fix=fix)]


def _clients(fsx: FsxForLustre, capacity: Capacity) -> list[Problem]:
    """A file system with adapters that no node of the platform could reach by its own."""
    if not fsx.efa:
        return []
    if capacity.strategies == (CapacityStrategy.AUTO_MODE,):
        message = "FSx has no clients by EFA on nodes of EKS Auto Mode: all would read over TCP"
        fix = "leave efa out, or set capacity.strategy to karpenter or managed-node-groups"
    elif capacity.operating_system is not LUSTRE_EFA_SYSTEM:
        system = capacity.operating_system.value
        message = f"FSx has no clients by EFA on {system}: all nodes would read over TCP"
        fix = f"leave efa out, or set capacity.operating_system to {LUSTRE_EFA_SYSTEM.value}"
    else:
        return []
    return [Problem("fsx-efa-client", message, path="storage.fsx.efa", value=True, fix=fix)]


def _throughput(fsx: FsxForLustre) -> list[Problem]:
    if not fsx.efa or fsx.throughput_mbps_per_tib is not None:
        return []
    path, allowed = "storage.fsx.throughput_mbps_per_tib", tuple(map(str, LUSTRE_THROUGHPUTS_MBPS_PER_TIB))
    message = "cannot be changed once the file system has efa, so it is not left to what the models need today"
    return [Problem("fsx-throughput-implicit", message, path=path, allowed=allowed, fix=f"write {allowed[-1]}")]


def _size(fsx: FsxForLustre) -> list[Problem]:
    size, throughput = fsx.size_gib, fsx.throughput_mbps_per_tib
    if size is None or (fsx.efa and throughput is None):
        return []
    step = LUSTRE_SIZE_STEP_GIB if throughput is None else lustre_step_gib(throughput, efa=fsx.efa)
    if size % step == 0 or (size == LUSTRE_SMALLEST_GIB and not fsx.efa):
        return []
    message = f"FSx makes no {size} GiB" + (f" with efa at {throughput} MB/s per TiB" if fsx.efa else "")
    allowed = (*(() if fsx.efa else (str(LUSTRE_SMALLEST_GIB),)), f"multiples of {step}")
    fix = f"write {-(-size // step) * step}"
    return [Problem("fsx-size", message, path="storage.fsx.size_gib", value=size, allowed=allowed, fix=fix)]


def _backups(fsx: FsxForLustre) -> list[Problem]:
    if not (fsx.linked_to_model_store and fsx.backup_retention_days):
        return []
    message = "FSx does not back up a file system that is linked to a bucket"
    fix = "remove it, or set linked_to_model_store to false"
    path = "storage.fsx.backup_retention_days"
    return [Problem("fsx-backups-linked", message, path=path, value=fsx.backup_retention_days, fix=fix)]


def _training(fsx: FsxForLustre) -> list[Problem]:
    """What jobs need of the file system, and nobody but its owner can say."""
    problems: list[Problem] = []
    if not fsx.training:
        return problems
    if not fsx.linked_to_model_store:
        message = "results of jobs reach the bucket by its link, and data come from there"
        fix = "set storage.fsx.linked_to_model_store to true, or training to false"
        problems.append(Problem("fsx-training-unlinked", message, path="storage.fsx.training", value=True, fix=fix))
    if fsx.size_gib is None:
        message = "the models say how large the file system has to be for them, and nothing says it of training data"
        fix = f"write {LUSTRE_SIZE_STEP_GIB}, or as much as models, data and checkpoints take"
        problems.append(Problem("fsx-size-implicit", message, path="storage.fsx.size_gib", fix=fix))
    return problems
