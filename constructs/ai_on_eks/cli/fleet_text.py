"""The bill of a fleet for people, from the mapping that `plan --json` prints as `fleet`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.output import counted
from ai_on_eks.cli.tables import NONE, usd

POOL_COLUMNS = (
    Column("pool"),
    Column("instance type"),
    Column("bought as"),
    Column("count", numeric=True),
    Column("$/h", numeric=True),
    Column("models", numeric=True),
    Column("in use", numeric=True),
)

NODE_COLUMNS = (Column("pool"), Column("count", numeric=True), Column("replicas on each node"))


def fleet_text(fleet: Mapping[str, Any], width: int, *, explained: bool) -> str:
    """The pools, what was proved, and what sharing saves; with `explained` what lies on every node."""
    pools = [_pool_row(pool) for pool in fleet["pools"]]
    parts = [table(POOL_COLUMNS, pools, width), "\n".join(_verdict(fleet))]
    if explained:
        parts.append(table(NODE_COLUMNS, [row for pool in fleet["pools"] for row in _node_rows(pool)], width))
    return "\n\n".join(parts)


def _pool_row(pool: Mapping[str, Any]) -> tuple[str, ...]:
    taken = sum(model["replicas"] * model["share"] for model in pool["models"])
    return (
        pool["name"],
        pool["instance_type"],
        _bought(pool),
        str(pool["count"]),
        usd(pool["usd_per_hour"]),
        str(len(pool["models"])),
        f"{taken / (pool['count'] * pool['shares_per_node']):.0%}",
    )


def _bought(pool: Mapping[str, Any]) -> str:
    reserved = sum(group["count"] for group in pool["groups"] if group["reservation_id"] is not None)
    if reserved == pool["count"]:
        return "reserved"
    return f"{pool['capacity_type']}, {reserved} reserved" if reserved else str(pool["capacity_type"])


def _verdict(fleet: Mapping[str, Any]) -> list[str]:
    cost, bound, alone = fleet["usd_per_hour"], fleet["bound_usd_per_hour"], fleet["alone_usd_per_hour"]
    if cost is None:
        return ["fleet: no sum, a price is not published"]
    nodes = counted(sum(pool["count"] for pool in fleet["pools"]), "node")
    proof = "proved least" if not fleet["gap"] else f"at most {fleet['gap']:.2%} above the least, {usd(bound)} $/h"
    lines = [f"fleet: {usd(cost)} $/h on {nodes}; {proof}"]
    if alone is not None:
        saved = f"sharing saves {usd(alone - cost)} $/h ({(alone - cost) / alone:.1%})" if alone > cost else "the same"
        lines.append(f"each model on nodes of its own: {usd(alone)} $/h; {saved}")
    return lines


def _node_rows(pool: Mapping[str, Any]) -> list[Sequence[str]]:
    return [(pool["name"], str(node["count"]), _replicas(node["replicas"])) for node in pool["nodes"]]


def _replicas(replicas: Mapping[str, int]) -> str:
    return ", ".join(f"{count} × {model}" if count > 1 else model for model, count in replicas.items()) or NONE
