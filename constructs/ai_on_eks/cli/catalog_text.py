"""The catalogue for people, from the mappings that `catalog --json` prints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
    Column("GB/s", numeric=True),
    Column("MIG"),
    Column("resource"),
)

_UNITS: Mapping[str, Callable[[float], str]] = {
    "_bytes_per_second": lambda value: f"{value / 1e6:,.0f} MB/s" if value < 1e9 else f"{value / 1e9:,.1f} GB/s",
    "_bytes": lambda value: size(int(value)),
    "_gbps": lambda value: f"{value:g} Gbit/s",
    "_millicores": lambda value: f"{value:,g} m",
}
"""How a number is written whose key ends in a unit. The longer unit stands first."""

SNAPSHOT_COLUMNS = (Column("part"), Column("of"), Column("from"))

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
            _scaled(known["link_bytes_per_second"], 1e9, 0),
            _most_parts(known["mig_profiles"]),
            known["resource_name"] or NONE,
        )
        for known in accelerators
    ]
    return table(ACCELERATOR_COLUMNS, rows, width)


def instance_type_text(known: Mapping[str, Any], width: int) -> str:
    """Everything about one instance type."""
    rows = [(_label(name), _fact(name, value)) for name, value in known.items()]
    return table(FACT_COLUMNS, rows, width)


def snapshot_text(snapshot: Mapping[str, Mapping[str, str]], width: int) -> str:
    """When each part was made, and from what."""
    rows = [(part.replace("_", " "), known["date"], known["source"]) for part, known in snapshot.items()]
    return table(SNAPSHOT_COLUMNS, rows, width)


def _most_parts(profiles: Sequence[Mapping[str, Any]]) -> str:
    """The finest division of a device."""
    return f"{profiles[0]['most_per_device']} × {profiles[0]['name']}" if profiles else NONE


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


def _label(name: str) -> str:
    """The key without its unit, which the value carries."""
    for unit in ("_bytes_per_second", "_gbps"):
        if name.endswith(unit):
            return f"{name.removesuffix(unit)} bandwidth".replace("_", " ")
    return name.removesuffix("_bytes").removesuffix("_millicores").replace("_", " ")


def _fact(name: str, value: object) -> str:
    if value is None or value == []:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        for unit, written in _UNITS.items():
            if name.endswith(unit):
                return written(value)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, Mapping):  # a price, the only kind of fact with parts
        return f"{usd(value['usd_per_hour'])} $/h ({value['region']}, {value['date']}, {value['source']})"
    return str(value)
