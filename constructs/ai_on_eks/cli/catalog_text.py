"""The catalogue for people, from the mappings that `catalog --json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.tables import NONE, size, usd

LIST_COLUMNS = (
    Column("instance type"),
    Column("vCPUs", numeric=True),
    Column("memory", numeric=True),
    Column("accelerators"),
    Column("each", numeric=True),
    Column("EFA", numeric=True),
    Column("$/h", numeric=True),
    Column("price of"),
    Column("zones"),
)

ACCELERATOR_COLUMNS = (
    Column("accelerator"),
    Column("vendor"),
    Column("memory", numeric=True),
    Column("GB/s", numeric=True),
    Column("bf16 TFLOP/s", numeric=True),
    Column("capability"),
    Column("link"),
    Column("resource"),
)

FACT_COLUMNS = (Column("fact"), Column("value"))


def list_text(types: Sequence[Mapping[str, Any]], width: int) -> str:
    """One line an instance type."""
    return table(LIST_COLUMNS, [_list_row(known) for known in types], width)


def accelerators_text(accelerators: Sequence[Mapping[str, Any]], width: int) -> str:
    """One line an accelerator."""
    rows = [
        (
            known["accelerator"],
            known["vendor"],
            size(known["memory_bytes"]),
            _scaled(known["bandwidth_bytes_per_second"], 1e9, 0),
            _scaled(known["dense_flops"].get("bf16"), 1e12, 1),
            known["compute_capability"] or NONE,
            known["link"] or NONE,
            known["resource_name"] or NONE,
        )
        for known in accelerators
    ]
    return table(ACCELERATOR_COLUMNS, rows, width)


def instance_type_text(known: Mapping[str, Any], width: int) -> str:
    """Everything about one instance type."""
    rows = [(name.removesuffix("_bytes").replace("_", " "), _fact(name, value)) for name, value in known.items()]
    return table(FACT_COLUMNS, rows, width)


def _scaled(value: float | None, unit: float, digits: int) -> str:
    return NONE if value is None else f"{value / unit:,.{digits}f}"


def _list_row(known: Mapping[str, Any]) -> tuple[str, ...]:
    price = known["price"]
    return (
        known["instance_type"],
        str(known["vcpus"]),
        size(known["memory_bytes"]),
        f"{known['accelerator_count']} × {known['accelerator']}" if known["accelerator"] else NONE,
        size(known["accelerator_memory_bytes"]),
        str(known["efa_interfaces"]),
        usd(price["usd_per_hour"] if price else None),
        f"{price['region']} {price['date']}" if price else NONE,
        ", ".join(known["zones"]) or "not offered here",
    )


def _fact(name: str, value: object) -> str:
    if value is None or value == []:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and name.endswith("_bytes"):
        return size(value)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, Mapping):  # the price, the only fact with parts
        return f"{usd(value['usd_per_hour'])} $/h ({value['region']}, {value['date']}, {value['source']})"
    return str(value)
