"""Does the node itself have room for the replica's container, DaemonSets taken off."""

from __future__ import annotations

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.rules.types import Violation
from ai_on_eks.placement.types import Placement
from ai_on_eks.units import format_gib


def host_memory(placement: Placement, _: Requirements) -> Violation | None:
    instance_type = placement.instance_type
    _cpu, reserved_bytes = reserved_by_daemonsets(instance_type)
    available_bytes = instance_type.allocatable_memory_bytes - reserved_bytes
    needed_bytes = placement.memory.host.memory_bytes
    if needed_bytes <= available_bytes:
        return None
    return Violation(
        f"a replica's container needs {format_gib(needed_bytes)} of host memory, "
        f"{format_gib(available_bytes)} is allocatable beside the DaemonSets",
        format_gib(needed_bytes - available_bytes),
    )


def host_cpu(placement: Placement, _: Requirements) -> Violation | None:
    instance_type = placement.instance_type
    reserved_millicores, _memory = reserved_by_daemonsets(instance_type)
    available = instance_type.allocatable_cpu_millicores - reserved_millicores
    if placement.cpu_request_millicores <= available:
        return None
    return Violation(
        f"a replica needs {placement.cpu_request_millicores} millicores, "
        f"{available} are allocatable beside the DaemonSets",
        f"{placement.cpu_request_millicores - available} millicores",
    )
