"""The nodes of models as they are really started: the plan's request with all that the platform's file adds to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ai_on_eks.aws.lustre_readers import reader_spec
from ai_on_eks.aws.node_groups import NodeGroupSpec, capacity_spec
from ai_on_eks.aws.node_reservations import reserved_spec
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.types import CapacityRequest


def model_specs(
    platform: Platform, requests: Iterable[CapacityRequest], lustre_readers: Collection[str]
) -> tuple[NodeGroupSpec, ...]:
    """One for each request. `lustre_readers` are the models and jobs that mount the platform's Lustre file system."""
    capacity, zones = platform.capacity, platform.network.availability_zones
    return tuple(
        reader_spec(
            reserved_spec(capacity_spec(request, zones, capacity.operating_system), capacity.reservations),
            request,
            platform,
            lustre_readers,
        )
        for request in requests
    )
