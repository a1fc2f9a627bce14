"""The plan as a table, from the same mappings that `plan --json` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.cli.layout import Column, table
from ai_on_eks.units import format_gib

NONE = "-"

PLAN_COLUMNS = (
    Column("model"),
    Column("engine"),
    Column("instance type"),
    Column("count", numeric=True),
    Column("TP", numeric=True),
    Column("$/h", numeric=True),
    Column("headroom", numeric=True),
    Column("why"),
)


def plan_table(body: Mapping[str, Any], width: int) -> str:
    """The plans as lines for people: one row a model, then the sum and where and when its prices were published."""
    rows = [_row(plan) for plan in body["plans"]]
    return f"{table(PLAN_COLUMNS, rows, width)}\n\n{cost_line(body)}"


def cost_line(body: Mapping[str, Any]) -> str:
    """The sum of the plans with the place and date of its prices; what has no price is said, not counted as 0."""
    groups = [group for pool in body["fleet"]["pools"] for group in pool["groups"]]
    if groups and all(group["reservation_id"] for group in groups) and body["total_usd_per_hour"] is not None:
        return f"total: {usd(body['total_usd_per_hour'])} $/h (all nodes are reserved and paid for)"
    chosen = [plan["chosen"] for plan in body["plans"] if plan["chosen"]]
    if not chosen:
        return "total: nothing is placed"
    prices = [placement["price"] for placement in chosen if placement["price"]]
    if not prices:
        return "total: unknown, no price is published"
    origins = sorted({f"{price['region']} {price['date']}" for price in prices})
    origin = f"on-demand Linux, prices of {', '.join(origins)}"
    if body["total_usd_per_hour"] is None:
        known = sum(pool["usd_per_hour"] or 0.0 for pool in body["fleet"]["pools"])
        return f"total: {usd(known)} $/h without the models that have no price or no placement ({origin})"
    return f"total: {usd(body['total_usd_per_hour'])} $/h ({origin})"


def usd(value: float | None) -> str:
    """Dollars with the three decimals that tell the cheapest types apart."""
    return NONE if value is None else f"{value:,.3f}"


def size(value_bytes: int | None) -> str:
    """Bytes as GiB, or a dash."""
    return NONE if value_bytes is None else format_gib(value_bytes)


def _row(plan: Mapping[str, Any]) -> tuple[str, ...]:
    chosen = plan["chosen"]
    if chosen is None:
        return (plan["model"], NONE, NONE, NONE, NONE, NONE, NONE, plan["why"])
    return (
        plan["model"],
        f"{chosen['engine']} {chosen['engine_version']}",
        chosen["instance_type"],
        _count(chosen, plan["in_fleet"]),
        str(chosen["tensor_parallel"]),
        usd((plan["in_fleet"] or chosen)["usd_per_hour"]),
        size(chosen["headroom_bytes"]),
        plan["why"],
    )


def _count(chosen: Mapping[str, Any], part: Mapping[str, Any] | None) -> str:
    """Nodes, or `3/8` of nodes with eight shares that other models lie on as well."""
    if part is None or part["models"] == 1:
        return str(chosen["nodes"])
    taken, per_node = chosen["replicas"] * part["share"], part["shares_per_node"]
    return str(taken // per_node) if taken % per_node == 0 else f"{taken}/{per_node}"


def is_of_free(rank: Mapping[str, Any]) -> bool:
    """Whether an engine's share is one of what is free beside the model, and the budget no such part of the memory."""
    return bool(rank["budget_bytes"] != int(rank["memory_bytes"] * rank["memory_fraction"]))
