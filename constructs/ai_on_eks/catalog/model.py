"""The catalogue as one frozen value."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from msgspec import Struct

from ai_on_eks.catalog.reading import read, regions
from ai_on_eks.catalog.types import Accelerator, Engine, InstanceType
from ai_on_eks.errors import InputError, Problem


class Snapshot(Struct, frozen=True):
    """Where a part of the catalogue comes from and when it was taken."""

    part: str
    date: str
    source: str


class Catalog(Struct, frozen=True):
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
    nearest.sort(key=lambda name: sorted(name) != sorted(value))  # two letters that changed places come first
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
