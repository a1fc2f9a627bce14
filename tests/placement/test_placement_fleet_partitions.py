"""Parts of accelerators: only for who allows them, only what fits, never faster than its share."""

from __future__ import annotations

import pytest
from fleet_checks import faults
from msgspec.structs import replace
from placement_changes import only, reservation, with_constraints, with_reservations, with_targets

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import AcceleratorSharing, Descriptor
from ai_on_eks.placement.fleet.partitions import on_parts, partitions_of
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.fleet.types import FleetPlan
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Placement

BOTH = (AcceleratorSharing.MIG, AcceleratorSharing.TIME_SLICING)
SLICES = (AcceleratorSharing.TIME_SLICING,)

Models = dict[str, Descriptor]


@pytest.fixture
def small(models: Models) -> Descriptor:
    """An embedding model that asks for little and may share."""
    return with_constraints(with_targets(models["bge-large-en-v1-5"], items_per_second=5), accelerator_sharing=SLICES)


def fleet_of(descriptors: list[Descriptor], catalog: Catalog, platform: Platform) -> FleetPlan:
    plans = [plan_model(one, build_inventory(one), catalog, platform) for one in descriptors]
    fleet = plan_fleet(plans, platform, catalog)
    assert faults(fleet, platform) == []
    return fleet


def copies(descriptor: Descriptor, count: int) -> list[Descriptor]:
    return [descriptor.model_copy(update={"name": f"small-{index}"}) for index in range(count)]


def placement_of(descriptor: Descriptor, name: str, catalog: Catalog, platform: Platform) -> Placement:
    plan = plan_model(descriptor, build_inventory(descriptor), only(catalog, [name]), platform)
    assert plan.chosen is not None
    return plan.chosen


def test_devices_divide_only_as_their_maker_allows(catalog: Catalog) -> None:
    names = {name: [part.name for part in partitions_of(device, BOTH)] for name, device in catalog.accelerators.items()}
    assert names["l4"] == ["slices-2", "slices-3", "slices-4", "slices-6", "slices-8"]
    assert names["h100"][:3] == ["mig-1g-10gb", "mig-1g-20gb", "mig-2g-20gb"]
    assert names["inferentia2"] == []
    assert list(partitions_of(catalog.accelerators["h100"], ())) == []


def test_a_part_is_slower_by_its_share_and_holds_what_it_is_given(
    small: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    whole = placement_of(small, "g6.4xlarge", catalog, platform)
    assert whole.instance_type.accelerator is not None
    for partition, part in on_parts(whole, small):
        assert part.estimates.items_per_s == pytest.approx((whole.estimates.items_per_s or 0.0) / partition.parts)
        assert part.estimates.ttft_ms == pytest.approx((whole.estimates.ttft_ms or 0.0) * partition.parts)
        rank = part.memory.rank
        needed = rank.weights_bytes + rank.activation_bytes + rank.overhead_bytes + rank.kv_cache_bytes
        assert needed <= whole.instance_type.accelerator.memory_bytes // partition.parts


def test_a_latency_that_only_a_whole_device_reaches_keeps_the_model_there(
    small: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    whole = placement_of(small, "g6.4xlarge", catalog, platform)
    assert whole.estimates.ttft_ms is not None
    hurried = with_targets(small, ttft_ms=whole.estimates.ttft_ms * 2.5)
    assert [partition.name for partition, _ in on_parts(whole, hurried)] == ["slices-2"]


def test_engines_with_a_fixed_share_of_the_memory_stay_on_whole_devices(
    models: Models, catalog: Catalog, platform: Platform
) -> None:
    llama = with_constraints(models["llama-3-1-8b-instruct"], accelerator_sharing=BOTH)
    assert list(on_parts(placement_of(llama, "g7e.2xlarge", catalog, platform), llama)) == []


def test_small_models_that_may_share_cost_less_than_a_device_each(
    small: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    fleet = fleet_of(copies(small, 6), catalog, platform)
    unshared = fleet_of([with_constraints(one, accelerator_sharing=()) for one in copies(small, 6)], catalog, platform)
    assert fleet.usd_per_hour is not None
    assert unshared.usd_per_hour is not None
    assert fleet.usd_per_hour < unshared.usd_per_hour / 2
    assert fleet.gap is not None
    assert fleet.gap <= 0.02
    (pool,) = fleet.pools
    assert pool.partition is not None
    assert pool.units == pool.instance_type.accelerator_count * pool.partition.parts
    assert {plan.seat.pool for plan in fleet.plans} == {pool.name}


def test_a_replica_over_several_devices_lies_on_no_parts(
    small: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    """Parts do not reach each other."""
    whole = placement_of(small, "g6.4xlarge", catalog, platform)
    assert list(on_parts(whole, small))
    assert list(on_parts(replace(whole, tensor_parallel=2), small)) == []


def test_who_does_not_allow_it_shares_no_device(small: Descriptor, catalog: Catalog, platform: Platform) -> None:
    strict = with_constraints(small, accelerator_sharing=()).model_copy(update={"name": "strict"})
    fleet = fleet_of([strict, *copies(small, 6)], catalog, platform)
    (alone,) = [pool for pool in fleet.pools if any(member.model == "strict" for member in pool.members)]
    assert alone.partition is None


def test_reserved_nodes_stay_whole(small: Descriptor, catalog: Catalog, platform: Platform) -> None:
    reserved = with_reservations(platform, reservation("g6.4xlarge", count=1))
    fleet = fleet_of(copies(small, 2), only(catalog, ["g6.4xlarge"]), reserved)
    assert all(group.reservation_id is None for pool in fleet.pools if pool.partition for group in pool.groups)
