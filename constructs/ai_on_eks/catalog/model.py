"""The catalogue as one frozen value, and the plain data that `ai-on-eks catalog` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from ai_on_eks.catalog.reading import read, regions
from ai_on_eks.catalog.types import Accelerator, Engine, InstanceType
from ai_on_eks.errors import InputError, Problem

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Where a part of the catalogue comes from and when it was taken."""

    part: str
    date: str
    source: str


@dataclass(frozen=True, slots=True)
class Catalog:
    """What EC2 offers in one region and which engines can use it. Mappings are read-only and sorted by name.

    region     the region whose prices were chosen; `Price.region` tells where each price was published
    regions    every region whose offerings are known
    snapshot   date and source of each part, by part
    """

    region: str
    instance_types: Mapping[str, InstanceType]
    accelerators: Mapping[str, Accelerator]
    engines: Mapping[str, Engine]
    regions: tuple[str, ...]
    snapshot: Mapping[str, Snapshot]

    def zones(self, instance_type: str, region: str) -> tuple[str, ...]:
        """Names of the zones that offer the type; empty = the region does not offer it."""
        return zones_by_type(region).get(instance_type, ())

    def instance_type(self, name: str) -> InstanceType:
        """One type, or an error that names the nearest ones."""
        try:
            return self.instance_types[name]
        except KeyError:
            raise _unknown("instance-type", name, tuple(self.instance_types)) from None

    def rows(self) -> list[Row]:
        """One row per type, for `catalog list`: cheapest first, types without a price last."""
        ordered = sorted(
            self.instance_types.values(),
            key=lambda kind: (kind.price is None, kind.price.usd_per_hour if kind.price else 0.0, kind.name),
        )
        return [
            {
                "instance_type": kind.name,
                "vcpus": kind.vcpus,
                "memory_bytes": kind.memory_bytes,
                "accelerator": kind.accelerator.name if kind.accelerator else None,
                "accelerators": kind.accelerator_count,
                "accelerator_memory_bytes": kind.accelerator_memory_bytes,
                "usd_per_hour": kind.price.usd_per_hour if kind.price else None,
                "price_region": kind.price.region if kind.price else None,
                "price_date": kind.price.date if kind.price else None,
                "zones": list(self.zones(kind.name, self.region)),
                "served": kind.served,
                "not_served_reason": kind.not_served_reason,
            }
            for kind in ordered
        ]

    def details(self, name: str) -> Row:
        """Everything known about one type, for `catalog show`."""
        kind = self.instance_type(name)
        row: Row = {field: getattr(kind, field) for field in _PLAIN_FIELDS}
        row["accelerator"] = accelerator_row(kind.accelerator) if kind.accelerator else None
        row["purchase_routes"] = [route.value for route in kind.purchase_routes]
        row["price"] = {f: getattr(kind.price, f) for f in kind.price.__slots__} if kind.price else None
        row["zones"] = list(self.zones(name, self.region))
        row["region"] = self.region
        return row

    def accelerator_rows(self) -> list[Row]:
        """One row per accelerator, for `catalog accelerators`, with the types that carry it."""
        carriers: dict[str, list[str]] = {name: [] for name in self.accelerators}
        for kind in self.instance_types.values():
            if kind.accelerator:
                carriers.setdefault(kind.accelerator.name, []).append(kind.name)
        return [
            accelerator_row(accelerator)
            | {
                "instance_types": carriers[name],
                "served": any(self.instance_types[carrier].served for carrier in carriers[name]),
            }
            for name, accelerator in self.accelerators.items()
        ]


_PLAIN_FIELDS = tuple(f for f in InstanceType.__slots__ if f not in ("accelerator", "price", "purchase_routes"))


def accelerator_row(accelerator: Accelerator) -> Row:
    """An accelerator as plain data. 0 and empty mean: not published."""
    row: Row = {field: getattr(accelerator, field) for field in Accelerator.__slots__}
    row["vendor"] = accelerator.vendor.value
    row["dense_flops"] = dict(accelerator.dense_flops)
    row["compute_capability"] = ".".join(map(str, accelerator.compute_capability or ())) or None
    return row


@cache
def zones_by_type(region: str) -> Mapping[str, tuple[str, ...]]:
    """Zone names by instance type in one region. An unknown region is an error that names the nearest ones."""
    if region not in regions():
        raise _unknown("region", region, regions())
    offerings = read(f"offerings/{region}.json")["offerings"]
    return MappingProxyType({name: tuple(zones) for name, zones in offerings.items()})


def _unknown(what: str, value: str, known: tuple[str, ...]) -> InputError:
    from difflib import get_close_matches  # noqa: PLC0415 - only an error pays for the import

    noun = what.replace("-", " ")
    nearest = get_close_matches(value, known, n=3, cutoff=0.5)
    allowed = (*nearest, *(name for name in known if name not in nearest)) if what == "region" else tuple(nearest)
    fix = f"did you mean {nearest[0]}?" if nearest else "ai-on-eks catalog list prints every name"
    return InputError(
        Problem(
            code=f"unknown-{what}",
            message=f"the catalogue knows no {noun} '{value}'",
            path=what.replace("-", "_"),
            value=value,
            allowed=allowed,
            fix=fix,
        )
    )
