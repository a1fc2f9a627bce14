"""What a synthesis costs a month, line by line, and what changes from one to the other.

    models    each model's part of the fleet's nodes, as planned
    platform  system nodes, their disks, and what stands in the templates (`platform_bill`)

A month has 730 hours. What has no price is None, which is unknown and never nothing; what is billed by use says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from msgspec import Struct

from ai_on_eks.catalog.platform_prices import PlatformPrices, load_platform_prices
from ai_on_eks.catalog.prices import load_prices
from ai_on_eks.review.bill import Line
from ai_on_eks.review.plans import number_at, part, plans_of
from ai_on_eks.review.platform_bill import platform_lines
from ai_on_eks.review.side import Side
from ai_on_eks.units import HOURS_PER_MONTH

MODELS = "models"


class Bill(Struct, frozen=True):
    """One side's lines.

    region         of the stacks; None where they name none
    price_regions  whose prices were taken, sorted: another one's stand in where a region's own are not known
    dates          oldest and newest day of the prices; None where none is known
    """

    lines: tuple[Line, ...]
    region: str | None
    price_regions: tuple[str, ...]
    dates: tuple[str, str] | None

    @property
    def known_usd(self) -> float:
        return round(sum(line.usd_per_month for line in self.lines if line.usd_per_month is not None), 2)

    @property
    def unknown(self) -> tuple[str, ...]:
        return tuple(line.name for line in self.lines if line.usd_per_month is None)


class Moved(Struct, frozen=True):
    """One line before and after; None where that side does not have it."""

    group: str
    name: str
    before: Line | None
    after: Line | None

    @property
    def delta_usd(self) -> float | None:
        """None where a side has the line and no price for it."""
        sides = [0.0 if line is None else line.usd_per_month for line in (self.before, self.after)]
        return None if None in sides else round((sides[1] or 0.0) - (sides[0] or 0.0), 2)

    @property
    def changed(self) -> bool:
        return self.before != self.after


class CostChange(Struct, frozen=True):
    """Both bills, line by line; lines in the order of the bills, models first."""

    before: Bill
    after: Bill
    lines: tuple[Moved, ...]

    @property
    def delta_usd(self) -> float:
        """Of the lines that are known on both sides."""
        return round(sum(line.delta_usd or 0.0 for line in self.lines), 2)

    @property
    def unknown_changes(self) -> tuple[str, ...]:
        """Lines that changed and whose difference is not known."""
        return tuple(line.name for line in self.lines if line.changed and line.delta_usd is None)

    @property
    def share(self) -> float | None:
        """The difference as a share of what was known before; None where that is nothing."""
        return None if not self.before.known_usd else round(self.delta_usd / self.before.known_usd, 4)


def cost_change(before: Side, after: Side, day: date) -> CostChange:
    """Both sides at the prices of this installation, `day` deciding what support costs."""
    old, new = bill(before, day), bill(after, day)
    sides = [{(line.group, line.name): line for line in one.lines} for one in (old, new)]
    keys = sorted(dict.fromkeys([*sides[1], *sides[0]]), key=lambda key: key[0] != MODELS)
    return CostChange(old, new, tuple(Moved(*key, sides[0].get(key), sides[1].get(key)) for key in keys))


def bill(side: Side, day: date) -> Bill:
    """Everything one side pays for."""
    region = side.region
    prices = load_platform_prices(region) if region else PlatformPrices("")
    instances = load_prices(region) if region else {}
    usd = {name: price.usd_per_hour for name, price in instances.items()}
    lines = (*_models(side), *platform_lines(side, prices, usd, day, HOURS_PER_MONTH))
    used = _used_prices(side)
    return Bill(
        lines=lines,
        region=region,
        price_regions=tuple(sorted({str(price.get("region")) for price in used})),
        dates=_span([*(prices.dates or ()), *(str(price.get("date")) for price in used)]),
    )


def _models(side: Side) -> Iterator[Line]:
    for model, plan in plans_of(side).items():
        nodes, instance_type = part(plan, "chosen", "nodes"), part(plan, "chosen", "instance_type")
        if instance_type is not None:
            # its part of the pool, else what its own nodes cost
            holder = "chosen" if part(plan, "in_fleet") is None else "in_fleet"
            hourly = number_at(plan, holder, "usd_per_hour")
            usd = None if hourly is None else round(hourly * HOURS_PER_MONTH, 2)
            yield Line(MODELS, model, usd, f"{nodes} × {instance_type}")


def _used_prices(side: Side) -> list[Mapping[str, Any]]:
    """The prices that the plans rest on."""
    prices = (part(plan, "chosen", "price") for plan in plans_of(side).values())
    return [price for price in prices if isinstance(price, Mapping)]


def _span(days: list[str]) -> tuple[str, str] | None:
    return (min(days), max(days)) if days else None
