"""The parts of a node with NVIDIA GPUs, and which of them it brings itself, read from `data/gpu_parts.json`."""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from ai_on_eks.catalog.reading import read


class GpuPart(StrEnum):
    """One part, by the name that problems call it."""

    DRIVER = "driver"
    TOOLKIT = "container toolkit"
    DEVICE_PLUGIN = "device plugin"
    MIG_MANAGER = "MIG manager"
    METRICS = "metrics exporter"


@cache
def parts_of_nodes(kind: str) -> frozenset[GpuPart]:
    """What nodes of a kind bring: an operating system of managed nodes, or `auto-mode`. A kind that is not in the file
    is the caller's mistake."""
    return frozenset(GpuPart(part) for part in read("gpu_parts.json")["nodes"][kind])
