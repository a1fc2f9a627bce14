"""What spot capacity cost over the last days, by type and zone.

    mean = Σ price × seconds it was in force ÷ seconds of the window        latest, highest = as answered

EC2 answers each change of price, and the price that was in force when the window began. A mean by time and not by
answer: a price that changed every hour for one day would outweigh six quiet days.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

WINDOW_DAYS = 7
"""Days looked back. Prices move within days; EC2 keeps 90 (EC2 user guide, spot price history, read 2026-11)."""

_TYPES_AT_ONCE = 100

Summary = dict[str, float]


def spot_prices(client: Any, names: Iterable[str], now: datetime.datetime) -> dict[str, dict[str, Summary]]:
    """`latest`, `mean` and `highest` in US dollars per hour, by type and zone name; what is not sold is absent."""
    ordered, start = sorted(names), now - datetime.timedelta(days=WINDOW_DAYS)
    changes: dict[tuple[str, str], list[tuple[datetime.datetime, float]]] = {}
    paginator = client.get_paginator("describe_spot_price_history")
    for first in range(0, len(ordered), _TYPES_AT_ONCE):
        pages = paginator.paginate(
            InstanceTypes=ordered[first : first + _TYPES_AT_ONCE],
            ProductDescriptions=["Linux/UNIX"],
            StartTime=start,
            EndTime=now,
        )
        for page in pages:
            for answer in page["SpotPriceHistory"]:
                key = (answer["InstanceType"], answer["AvailabilityZone"])
                changes.setdefault(key, []).append((answer["Timestamp"], float(answer["SpotPrice"])))
    found: dict[str, dict[str, Summary]] = {}
    for (name, zone), history in sorted(changes.items()):
        found.setdefault(name, {})[zone] = summary(history, start, now)
    return found


def summary(
    history: Sequence[tuple[datetime.datetime, float]], start: datetime.datetime, end: datetime.datetime
) -> Summary:
    """One zone's changes of price, in any order, as three figures."""
    ordered = sorted(history)
    times = [*(max(start, time) for time, _ in ordered), end]
    prices = [price for _, price in ordered]
    seconds = [(until - since).total_seconds() for since, until in pairwise(times)]
    covered = sum(seconds)
    weighted = sum(price * part for price, part in zip(prices, seconds, strict=True))
    mean = weighted / covered if covered else prices[-1]
    return {"latest": prices[-1], "mean": round(mean, 6), "highest": max(prices)}


def document_of(prices: Mapping[str, Mapping[str, Summary]]) -> dict[str, dict[str, list[float]]]:
    """As the data file holds it: [mean, latest, highest] by type and zone."""
    return {
        name: {zone: [known["mean"], known["latest"], known["highest"]] for zone, known in sorted(zones.items())}
        for name, zones in sorted(prices.items())
    }
