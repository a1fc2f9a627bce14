"""What the platform file says of the reservation that nodes are started in."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from ai_on_eks.aws.node_groups import NodeGroupSpec
from ai_on_eks.descriptors.platform import Reservation, ReservedCapacity


def reserved_spec(spec: NodeGroupSpec, reservations: Sequence[Reservation]) -> NodeGroupSpec:
    """`spec` with the end and the placement group of its reservation; as it is where it has none.

    Only a capacity block takes its instances away when it ends. Those of another reservation run on, at the hourly
    price, and the models with them.
    """
    for reservation in reservations:
        if reservation.id == spec.reservation_id:
            is_block = reservation.capacity_type is ReservedCapacity.CAPACITY_BLOCK
            ends = reservation.ends if is_block else None
            return replace(spec, ends=ends, placement_group=reservation.placement_group)
    return spec
