"""On-demand prices: the region's own where published, else the reference region's, and `Price.region` says which."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.catalog.reading import priced_regions, read
from ai_on_eks.catalog.types import Price

REFERENCE_REGION = "us-east-1"
"""Where the price list is complete. Elsewhere most types cost the same to some 40 % more."""


def load_prices(region: str) -> Mapping[str, Price]:
    """Prices by instance type. A type without a published price is absent."""
    prices = _published(REFERENCE_REGION)
    if region != REFERENCE_REGION and region in priced_regions():
        prices |= _published(region)
    return prices


def _published(region: str) -> dict[str, Price]:
    document = read(f"prices/{region}.json")
    snapshots = document["snapshots"]
    return {
        name: Price(usd, region, snapshots[snapshot]["date"], snapshots[snapshot]["source"])
        for name, (usd, snapshot) in document["prices"].items()
        if usd is not None
    }
