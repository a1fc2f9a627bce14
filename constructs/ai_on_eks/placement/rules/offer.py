"""May this instance type be used at all: is it served, allowed, offered here, and for sale."""

from __future__ import annotations

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.schema import CapacityType
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.rules.types import Violation
from ai_on_eks.placement.types import Candidate

CPU = "cpu"


def served(candidate: Candidate, _: Requirements, __: Catalog) -> Violation | None:
    instance_type = candidate.instance_type
    if instance_type.served:
        return None
    return Violation(instance_type.not_served_reason or "this package serves nothing on it")


def accelerator_allowed(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    allowed = requirements.descriptor.constraints.accelerators
    accelerator = candidate.instance_type.accelerator
    name = accelerator.name if accelerator else CPU
    if not allowed or name in allowed:
        return None
    return Violation(f"{name} is not among constraints.accelerators ({', '.join(allowed)})")


def family_allowed(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    allowed = requirements.descriptor.constraints.instance_families
    if not allowed or candidate.instance_type.family in allowed:
        return None
    return Violation(
        f"{candidate.instance_type.family} is not among constraints.instance_families ({', '.join(allowed)})"
    )


def offered_in_zones(candidate: Candidate, requirements: Requirements, catalog: Catalog) -> Violation | None:
    platform = requirements.platform
    offered = catalog.zones(candidate.instance_type.name, platform.region)
    if not offered:
        return Violation(f"{platform.region} does not offer this type")
    if set(offered).isdisjoint(platform.network.availability_zones):
        return Violation(
            f"offered in {', '.join(offered)}, but the platform uses {', '.join(platform.network.availability_zones)}"
        )
    return None


def purchasable(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    wanted = requirements.descriptor.constraints.capacity_type
    routes = candidate.instance_type.purchase_routes
    if wanted.value not in {route.value for route in routes}:
        others = ", ".join(route.value for route in routes) or "none known"
        return Violation(f"cannot be bought as {wanted.value} (purchase routes: {others})")
    if wanted is CapacityType.ON_DEMAND and candidate.instance_type.price is None:
        return Violation("no on-demand price is published: Capacity Block or spot only")
    return None
