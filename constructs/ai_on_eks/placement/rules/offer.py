"""May this instance type be used at all: is it served, allowed, offered here, and for sale."""

from __future__ import annotations

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.schema import CapacityType
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.types import Candidate
from ai_on_eks.placement.violations import Violation, stated

CPU = "cpu"


def served(candidate: Candidate, _: Requirements, __: Catalog) -> Violation | None:
    instance_type = candidate.instance_type
    if instance_type.served:
        return None
    return stated(instance_type.not_served_reason or "this package serves nothing on it")


def accelerator_allowed(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    allowed = requirements.descriptor.constraints.accelerators
    accelerator = candidate.instance_type.accelerator
    name = accelerator.name if accelerator else CPU
    if not allowed or name in allowed:
        return None
    reason = f"{name} is not among constraints.accelerators ({', '.join(allowed)})"
    return stated(reason, f"add {name} to constraints.accelerators")


def family_allowed(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    allowed, family = requirements.descriptor.constraints.instance_families, candidate.instance_type.family
    if not allowed or family in allowed:
        return None
    reason = f"{family} is not among constraints.instance_families ({', '.join(allowed)})"
    return stated(reason, f"add {family} to constraints.instance_families")


def offered_in_zones(candidate: Candidate, requirements: Requirements, catalog: Catalog) -> Violation | None:
    platform = requirements.platform
    offered = catalog.zones(candidate.instance_type.name, platform.region)
    if not offered:
        return stated(f"{platform.region} does not offer this type", "choose a region that offers it")
    if set(offered).isdisjoint(platform.network.availability_zones):
        used = ", ".join(platform.network.availability_zones)
        reason = f"offered in {', '.join(offered)}, but the platform uses {used}"
        return stated(reason, f"add {offered[0]} to network.availability_zones of the platform")
    if set(offered).isdisjoint(requirements.usable_zones):
        reason = f"offered in {', '.join(offered)}, but the model's file system lies in {requirements.usable_zones[0]}"
        return stated(reason, "write storage: s3, or make the file system in a zone that offers the type")
    return None


def purchasable(candidate: Candidate, requirements: Requirements, _: Catalog) -> Violation | None:
    wanted = requirements.descriptor.constraints.capacity_type
    routes = candidate.instance_type.purchase_routes
    if all(route.value != wanted.value for route in routes):
        others = ", ".join(route.value for route in routes)
        reason = f"cannot be bought as {wanted.value} (purchase routes: {others or 'none known'})"
        return stated(reason, f"set constraints.capacity_type to {routes[0].value}" if routes else None)
    if wanted is CapacityType.ON_DEMAND and candidate.instance_type.price is None:
        other = next((route.value for route in routes if route.value != wanted.value), None)
        reason = "no on-demand price is published: Capacity Block or spot only"
        return stated(reason, f"set constraints.capacity_type to {other}" if other else None)
    return None
