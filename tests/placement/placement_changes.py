"""Small changes of frozen descriptors, and small catalogues."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import Any

from msgspec.structs import replace

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.platform import Platform, Reservation
from ai_on_eks.descriptors.schema import Descriptor


def with_serving(descriptor: Descriptor, **changes: Any) -> Descriptor:
    return descriptor.model_copy(update={"serving": descriptor.serving.model_copy(update=changes)})


def with_targets(descriptor: Descriptor, **changes: Any) -> Descriptor:
    return with_serving(descriptor, targets=descriptor.serving.targets.model_copy(update=changes))


def with_constraints(descriptor: Descriptor, **changes: Any) -> Descriptor:
    return descriptor.model_copy(update={"constraints": descriptor.constraints.model_copy(update=changes)})


def with_zones(platform: Platform, region: str, zones: tuple[str, ...]) -> Platform:
    network = platform.network.model_copy(update={"availability_zones": zones})
    return platform.model_copy(update={"region": region, "network": network})


def only(catalog: Catalog, names: Iterable[str]) -> Catalog:
    """The catalogue with these instance types, in the order given."""
    return replace(catalog, instance_types=MappingProxyType({name: catalog.instance_types[name] for name in names}))


RESERVATION = "cr-0123456789abcdef0"


def reservation(instance_type: str, *, count: int, zone: str = "us-east-1a", **changes: Any) -> Reservation:
    return Reservation(**{"id": RESERVATION, "instance_type": instance_type, "count": count, "zone": zone, **changes})


def with_reservations(platform: Platform, *reservations: Reservation) -> Platform:
    capacity = platform.capacity.model_copy(update={"reservations": reservations})
    return platform.model_copy(update={"capacity": capacity})
