"""An engine whose share is one of what is free once it has loaded the weights and run a batch (TensorRT-LLM).

    free   = memory − weights − activations − overhead
    share  = min(the engine's or the one that is given, (free − captured graphs) ÷ free)   in thousandths, rounded down
    cache  = free × share
    budget = memory − free × (1 − share)

The graphs are captured after the cache has its memory, from what is left beside it; a share that leaves too little is
lowered, since it is passed to the engine. Source: NVIDIA/TensorRT-LLM, _torch/pyexecutor/_util.py, read 2026-11-29.
"""

from __future__ import annotations

from math import floor

from msgspec import Struct

from ai_on_eks.catalog.types import EngineMemory
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.units import ceil_div

STEPS = 1000
"""Of a share: three decimals are passed."""


class FreeShare(Struct, frozen=True):
    """What the engine takes: `fraction` of what is free, and `budget_bytes` with all that was taken before."""

    fraction: float
    budget_bytes: int


def graphs_bytes(inventory: Inventory, engine: EngineMemory, pipeline_parallel: int) -> int:
    """Of the graphs that one rank captures."""
    return engine.graph_bytes + engine.graph_bytes_per_layer * ceil_div(inventory.layers, pipeline_parallel)


def free_share(memory_bytes: int, taken_bytes: int, graphs: int, fraction: float) -> FreeShare:
    """The share of what is free beside `taken_bytes`; nothing is where that is more than the memory."""
    free_bytes = memory_bytes - taken_bytes
    if free_bytes <= graphs:
        return FreeShare(fraction=fraction, budget_bytes=min(memory_bytes, taken_bytes))
    share = min(fraction, floor((free_bytes - graphs) * STEPS / free_bytes) / STEPS)
    return FreeShare(fraction=share, budget_bytes=taken_bytes + int(free_bytes * share))
