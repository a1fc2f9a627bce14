"""What one node costs by the way it is bought."""

from __future__ import annotations

from ai_on_eks.catalog.types import InstanceType, Price
from ai_on_eks.descriptors.schema import CapacityType


def own_price(instance_type: InstanceType, capacity_type: CapacityType) -> Price | None:
    """The price published for exactly this way of buying; None where nobody published one, which is not free."""
    return {
        CapacityType.ON_DEMAND: instance_type.price,
        CapacityType.SPOT: instance_type.spot_price,
        CapacityType.CAPACITY_BLOCK: instance_type.capacity_block_price,
    }[capacity_type]
