"""Build the catalogue of one region from the shipped data. Nothing is asked of the network."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from ai_on_eks.catalog.accelerators import load_facts
from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.catalog.instances import Prices, instance_type, load_hand_facts, load_records
from ai_on_eks.catalog.model import Catalog, Snapshot, zones_by_type
from ai_on_eks.catalog.prices import REFERENCE_REGION, load_capacity_block_prices, load_prices, load_spot_prices
from ai_on_eks.catalog.reading import priced_regions, read, regions
from ai_on_eks.catalog.types import Engine

__all__ = ["Catalog", "Snapshot", "build_catalog", "load_catalog"]


@cache
def load_catalog(region: str) -> Catalog:
    """The catalogue with the region's prices where published. Unknown region: `InputError` with the known ones."""
    return build_catalog(region, load_engines())


def build_catalog(region: str, engines: Mapping[str, Engine]) -> Catalog:
    """As `load_catalog`, with engines of the caller's."""
    zones_by_type(region)
    facts, hand = load_facts(), load_hand_facts()
    prices = Prices(load_prices(region), load_spot_prices(region), load_capacity_block_prices())
    types = {name: instance_type(name, record, facts, hand, prices) for name, record in load_records().items()}
    return Catalog(
        region=region,
        instance_types=MappingProxyType(types),
        accelerators=MappingProxyType({name: known.accelerator for name, known in facts.items()}),
        engines=engines,
        regions=regions(),
        snapshot=MappingProxyType(_snapshot(region)),
    )


def _snapshot(region: str) -> dict[str, Snapshot]:
    types, offerings = read("instance_types.json"), read(f"offerings/{region}.json")
    prices = read(f"prices/{region if region in priced_regions() else REFERENCE_REGION}.json")
    newest = max(prices["snapshots"].values(), key=lambda snapshot: str(snapshot["date"]))
    accelerators = read("accelerators.json")
    return {
        "accelerators": Snapshot("accelerators", accelerators["date"], "datasheets and observations, see each entry"),
        "instance_types": Snapshot("instance_types", types["generated"], types["source"]),
        "offerings": Snapshot("offerings", offerings["generated"], offerings["source"]),
        "prices": Snapshot("prices", newest["date"], newest["source"]),
    }
