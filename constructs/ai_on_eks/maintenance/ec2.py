"""What a refresh asks EC2 about types and offers, each through the SDK's own paginator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_FILTER_VALUES = 100
"""Values in one filter; EC2 accepts 200 (EC2 API reference, Filter, read 2026-11)."""


def enabled_regions(client: Any) -> tuple[str, ...]:
    """Regions this account may use, sorted."""
    return tuple(sorted(region["RegionName"] for region in client.describe_regions()["Regions"]))


def offerings(client: Any) -> dict[str, tuple[str, ...]]:
    """Zone *names* by instance type in the client's region. Zone ids would not match what a platform file names."""
    zones: dict[str, set[str]] = {}
    paginator = client.get_paginator("describe_instance_type_offerings")
    for page in paginator.paginate(LocationType="availability-zone"):
        for offering in page["InstanceTypeOfferings"]:
            zones.setdefault(offering["InstanceType"], set()).add(offering["Location"])
    return {name: tuple(sorted(found)) for name, found in sorted(zones.items())}


def describe(client: Any, names: Iterable[str] | None = None) -> Iterator[Mapping[str, Any]]:
    """Answers for `names`, or for every type that EC2 describes in the client's region.

    Asked by filter and not by the `InstanceTypes` parameter: one unknown name there fails the whole call.
    """
    paginator = client.get_paginator("describe_instance_types")
    if names is None:
        for page in paginator.paginate():
            yield from page["InstanceTypes"]
        return
    ordered = sorted(names)
    for start in range(0, len(ordered), _FILTER_VALUES):
        chunk = ordered[start : start + _FILTER_VALUES]
        for page in paginator.paginate(Filters=[{"Name": "instance-type", "Values": chunk}]):
            yield from page["InstanceTypes"]
