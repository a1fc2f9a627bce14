"""What one instance costs by purchase route, each price with its place, date and source.

    on demand       the region's own list, else the reference region's, and `Price.region` says which
    spot            the region's own history: over its zones, the highest mean of the last days
    Capacity Block  what AWS's table said for one instance in a reserved block

A region's list that names a type with null was asked and has no price for it; a list that does not name it was not
asked about it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.catalog.reading import priced_regions, read, spot_regions
from ai_on_eks.catalog.types import Price

REFERENCE_REGION = "us-east-1"
"""Where the price list is complete. Elsewhere most types cost the same to some 40 % more."""


def load_prices(region: str) -> Mapping[str, Price]:
    """On-demand prices by instance type. A type without a published price is absent."""
    prices = _published(REFERENCE_REGION)
    if region != REFERENCE_REGION and region in priced_regions():
        prices |= _published(region)
    return {name: price for name, price in prices.items() if price is not None}


def load_spot_prices(region: str) -> Mapping[str, Price]:
    """Spot prices by instance type; nothing where the region's history was never asked for. The zone with the highest
    mean decides: where capacity lands is not the planner's choice."""
    if region not in spot_regions():
        return {}
    document = read(f"spot/{region}.json")
    return {
        name: Price(max(mean for mean, _, _ in zones.values()), region, document["generated"], document["source"])
        for name, zones in document["prices"].items()
    }


def load_capacity_block_prices() -> Mapping[str, Price]:
    """Prices of one instance in a Capacity Block by type; a type whose price nobody published is absent."""
    return {
        name: Price(entry["usd_per_hour"], entry["region"], entry["date"], entry["source"])
        for name, entry in read("capacity_blocks.json")["prices"].items()
        if entry["usd_per_hour"] is not None
    }


def _published(region: str) -> dict[str, Price | None]:
    document = read(f"prices/{region}.json")
    snapshots = document["snapshots"]
    return {
        name: Price(usd, region, snapshots[snapshot]["date"], snapshots[snapshot]["source"])
        if usd is not None
        else None
        for name, (usd, snapshot) in document["prices"].items()
    }
