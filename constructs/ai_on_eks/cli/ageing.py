"""What a plan rests on and is too old to rest on: prices of chosen types, and parts of the catalogue.

too old:  today − date > 180 days
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from ai_on_eks.catalog.model import Catalog
from ai_on_eks.errors import Problem
from ai_on_eks.placement.types import Plan

STALE_DAYS = 180
"""Prices change without notice, and a choice between two types can hang on a tenth of a dollar; new types come out
several times a year. Twice a year somebody has to look. An age at which figures are wrong does not exist."""

FIX = "update ai-on-eks, or refresh the catalogue from your own account"


def today() -> date:
    """The day by UTC, which is what the dates of the data are."""
    return datetime.now(UTC).date()


def too_old(catalog: Catalog, plans: Sequence[Plan], on: date) -> list[Problem]:
    """Everything of it, the parts of the catalogue first."""
    return [*stale_catalogue(catalog, on), *stale_prices(plans, on)]


def too_old_warnings(catalog: Catalog, plans: Sequence[Plan], on: date) -> tuple[str, ...]:
    """The same in a line each, for commands that go on all the same."""
    return tuple(f"{problem.message}: {problem.fix}" for problem in too_old(catalog, plans, on))


def stale_catalogue(catalog: Catalog, on: date) -> list[Problem]:
    """Parts of the catalogue that nobody has refreshed or looked over for long, whatever was chosen."""
    return [
        Problem(
            code="stale-catalogue",
            message=f"{part.replace('_', ' ')} of the catalogue: {_age(snapshot.date, on)}",
            value=snapshot.date,
            fix=FIX,
        )
        for part, snapshot in sorted(catalog.snapshot.items())
        if _is_old(snapshot.date, on)
    ]


def stale_prices(plans: Sequence[Plan], on: date) -> list[Problem]:
    """Prices of chosen types that are too old to choose by. Each price has a date of its own."""
    by_date: dict[str, set[str]] = {}
    for plan in plans:
        if plan.chosen is not None and plan.chosen.price is not None:
            by_date.setdefault(plan.chosen.price.date, set()).add(plan.chosen.instance_type.name)
    return [
        Problem(
            code="stale-prices",
            message=f"price of {', '.join(sorted(names))}: {_age(published, on)}",
            value=published,
            fix=FIX,
        )
        for published, names in sorted(by_date.items())
        if _is_old(published, on)
    ]


def _is_old(published: str, on: date) -> bool:
    return (on - date.fromisoformat(published)).days > STALE_DAYS


def _age(published: str, on: date) -> str:
    return f"{(on - date.fromisoformat(published)).days} days old, more than {STALE_DAYS}"
