"""Can the nodes give a replica what it needs of them together: devices beside each other, a fabric, zones."""

from __future__ import annotations

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.schema import CapacityType
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.types import Candidate, Placement, ranks_per_node
from ai_on_eks.placement.violations import Violation, Words, stated


def allocatable_devices(candidate: Candidate, _: Requirements, __: Catalog) -> Violation | None:
    """Devices of one container must be joined; of some, only certain numbers are."""
    instance_type = candidate.instance_type
    allowed = instance_type.accelerator.joined_counts if instance_type.accelerator else ()
    devices = candidate.accelerators_per_replica // candidate.division.nodes
    if not allowed or devices in allowed or devices > instance_type.accelerator_count:
        return None
    names = ", ".join(map(str, allowed))
    return stated(f"{devices} devices are not allocated together: the scheduler's extension deals out {names}")


def has_fabric(candidate: Candidate, _: Requirements, __: Catalog) -> Violation | None:
    """Stages hand on a few values per token, which any network carries; tensor parallelism exchanges all of them twice
    a layer."""
    instance_type, division = candidate.instance_type, candidate.division
    if division.nodes == 1 or division.tensor_parallel <= ranks_per_node(instance_type):
        return None
    if instance_type.efa_interfaces:
        return None
    return stated(
        f"tensor parallelism {division.tensor_parallel} over {division.nodes} nodes needs EFA, which the type lacks",
        "allow an instance type with EFA",
    )


def spread_over_zones(placement: Placement, requirements: Requirements) -> Violation | None:
    """The zones of the platform that offer the type."""
    wanted = requirements.descriptor.serving.zones
    if wanted == 1:
        return None
    offered = requirements.zones(placement.instance_type.name)
    if len(offered) >= wanted:
        return None
    return Violation(_too_few_zones, (wanted, offered), wanted - len(offered))


def within_quota(placement: Placement, requirements: Requirements) -> Violation | None:
    """vCPUs of all nodes against the account's quota, where the platform file gives one. Capacity Blocks have none."""
    instance_type, capacity_type = placement.instance_type, requirements.descriptor.constraints.capacity_type
    if capacity_type is CapacityType.CAPACITY_BLOCK:
        return None
    is_spot = capacity_type is CapacityType.SPOT
    code = instance_type.spot_vcpu_quota_code if is_spot else instance_type.vcpu_quota_code
    allowed = requirements.platform.capacity.quotas.get(code or "")
    needed = placement.nodes * instance_type.vcpus
    if allowed is None or needed <= allowed:
        return None
    return Violation(_above_quota, (code, needed, allowed), needed - allowed)


def _above_quota(code: str, needed: int, allowed: int) -> Words:
    return Words(
        f"its nodes have {needed:,} vCPUs, the quota {code} allows {allowed:,}",
        f"{needed - allowed:,} vCPUs",
        f"ask AWS to raise quota {code} to {needed:,}, and set capacity.quotas.{code} of the platform",
    )


def _too_few_zones(wanted: int, offered: tuple[str, ...]) -> Words:
    return Words(
        f"the replicas must be spread over {wanted} zones, and the platform's zones that offer the type are "
        f"{', '.join(offered) or 'none'}",
        f"{wanted - len(offered)} zones",
        f"set serving.zones to {max(1, len(offered))}, or add zones to network.availability_zones of the platform",
    )
