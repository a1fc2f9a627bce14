"""Dollar figures, which mean nothing without their place and date."""

from __future__ import annotations

from typing import Any

from ai_on_eks.catalog.types import Price


def price_mapping(price: Price | None) -> dict[str, Any] | None:
    """The on-demand Linux price of one instance, or None where none is published."""
    if price is None:
        return None
    return {
        "usd_per_hour": price.usd_per_hour,
        "region": price.region,
        "date": price.date,
        "source": price.source,
    }
