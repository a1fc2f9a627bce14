"""What lies in each accelerator's memory.

weights, KV cache of the planned load, activations, overhead, free    = what the engine may use
left to others                                                        = the rest of the memory
"""

from __future__ import annotations

from ai_on_eks.cli.report.html import EMPTY, Html, bar, element, joined, key, section, table, text
from ai_on_eks.placement.types import Placement, Plan
from ai_on_eks.sizing.types import RankMemory
from ai_on_eks.units import format_gib

PARTS = ("weights", "KV cache", "activations", "overhead", "free", "left to others")


def memory_section(plans: tuple[Plan, ...]) -> Html:
    """A bar for each model, all of one accelerator's memory long, and the same figures as a table."""
    cards = [_card(plan, plan.chosen) for plan in plans if plan.chosen is not None]
    legend = element("p", *(element("span", key(i, name), class_="legend") for i, name in enumerate(PARTS)))
    rows = [_row(plan, plan.chosen) for plan in plans if plan.chosen is not None]
    figures = table(
        "Memory of one accelerator, in GiB", ("model", "memory", *PARTS), rows, range(1, len(PARTS) + 2)
    ) if rows else EMPTY  # fmt: skip
    return section("memory", "Memory of each accelerator", legend, joined(cards), figures)


def memory_parts(rank: RankMemory) -> tuple[int, ...]:
    """Bytes of each part, in the order of PARTS. The cache is what the planned load takes; what else it may grow to is
    free."""
    used = rank.weights_bytes + rank.activation_bytes + rank.overhead_bytes
    cache = max(0, rank.budget_bytes - used - rank.headroom_bytes)
    return (
        rank.weights_bytes, cache, rank.activation_bytes, rank.overhead_bytes, max(0, rank.headroom_bytes),
        rank.memory_bytes - rank.budget_bytes,
    )  # fmt: skip


def _card(plan: Plan, chosen: Placement) -> Html:
    rank = chosen.memory.rank
    parts = [(f"{name}: {format_gib(size)}", float(size)) for name, size in zip(PARTS, memory_parts(rank), strict=True)]
    label = f"{plan.descriptor.name}: {'; '.join(name for name, _ in parts)}"
    return element(
        "div",
        element("h3", text(plan.descriptor.name)),
        element("p", text(_where(chosen)), class_="small"),
        bar(label, parts, float(rank.memory_bytes)),
    )


def _where(chosen: Placement) -> str:
    instance_type = chosen.instance_type
    device = instance_type.accelerator.title if instance_type.accelerator else "processors"
    count = chosen.accelerators_per_replica
    devices = f"{count} × {device}" if count else device
    price = "no published price" if chosen.usd_per_hour is None else f"{chosen.usd_per_hour:.3f} $/h"
    return (
        f"{chosen.engine.title} on {chosen.nodes} × {instance_type.name}, {price}; a replica runs on {devices}, "
        f"tensor parallel {chosen.tensor_parallel}, pipeline parallel {chosen.pipeline_parallel}"
    )


def _row(plan: Plan, chosen: Placement) -> tuple[Html, ...]:
    rank = chosen.memory.rank
    sizes = (rank.memory_bytes, *memory_parts(rank))
    return (text(plan.descriptor.name), *(text(format_gib(size).removesuffix(" GiB")) for size in sizes))
