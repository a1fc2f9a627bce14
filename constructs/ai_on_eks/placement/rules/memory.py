"""Does the node itself have room for the replica's container, DaemonSets taken off."""

from __future__ import annotations

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.efa import HUGE_PAGES_BYTES
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.types import Placement
from ai_on_eks.placement.violations import Violation, Words
from ai_on_eks.units import GIB, format_gib

LARGEST_VOLUME_BYTES = 16_384 * GIB
"""Of gp3, which managed node groups give their nodes (EBS user guide, volume constraints, 2026-11)."""


def host_memory(placement: Placement, _: Requirements) -> Violation | None:
    instance_type = placement.instance_type
    _cpu, reserved_bytes = reserved_by_daemonsets(instance_type)
    uses_fabric = placement.nodes_per_replica > 1 and instance_type.efa_interfaces > 0
    available_bytes = instance_type.allocatable_memory_bytes - reserved_bytes - uses_fabric * HUGE_PAGES_BYTES
    needed_bytes = placement.memory.host.memory_bytes
    if needed_bytes <= available_bytes:
        return None
    return Violation(_too_little_memory, (needed_bytes, available_bytes), (needed_bytes - available_bytes) / GIB)


def host_cpu(placement: Placement, _: Requirements) -> Violation | None:
    instance_type = placement.instance_type
    reserved_millicores, _memory = reserved_by_daemonsets(instance_type)
    available = instance_type.allocatable_cpu_millicores - reserved_millicores
    needed = placement.cpu_request_millicores
    if needed <= available:
        return None
    return Violation(_too_little_cpu, (needed, available), needed - available)


def disk(placement: Placement, _: Requirements) -> Violation | None:
    needed_bytes = placement.memory.host.ephemeral_bytes
    if needed_bytes <= LARGEST_VOLUME_BYTES:
        return None
    return Violation(_too_little_disk, (needed_bytes,), (needed_bytes - LARGEST_VOLUME_BYTES) / GIB)


def _too_little_memory(needed_bytes: int, available_bytes: int) -> Words:
    return Words(
        f"a replica's container needs {format_gib(needed_bytes)} of host memory, "
        f"{format_gib(available_bytes)} is allocatable beside the DaemonSets",
        format_gib(needed_bytes - available_bytes),
        "allow instance types with more memory",
    )


def _too_little_cpu(needed: int, available: int) -> Words:
    return Words(
        f"a replica needs {needed} millicores, {available} are allocatable beside the DaemonSets",
        f"{needed - available} millicores",
        "allow instance types with more vCPUs",
    )


def _too_little_disk(needed_bytes: int) -> Words:
    return Words(
        f"a replica writes {format_gib(needed_bytes)} to its node's disk, a volume holds "
        f"{format_gib(LARGEST_VOLUME_BYTES)}",
        format_gib(needed_bytes - LARGEST_VOLUME_BYTES),
        "set storage to one that the engine reads directly",
    )
