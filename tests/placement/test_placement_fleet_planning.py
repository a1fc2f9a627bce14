"""Real models on the real catalogue, put together."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from types import MappingProxyType

import pytest
from fleet_checks import faults
from msgspec.structs import replace
from placement_changes import only, reservation, with_constraints, with_reservations, with_serving, with_targets

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import InstanceType
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform, ReservedCapacity
from ai_on_eks.descriptors.schema import CapacityType, Descriptor
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.fleet.types import FleetPlan
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan

Models = dict[str, Descriptor]
LLAMA, LARGE, BGE, RESNET = "llama-3-1-8b-instruct", "llama-3-3-70b-instruct", "bge-large-en-v1-5", "resnet-50"


def plans_of(descriptors: Sequence[Descriptor], catalog: Catalog, platform: Platform) -> list[Plan]:
    return [plan_model(one, build_inventory(one), catalog, platform) for one in descriptors]


def fleet_of(descriptors: Sequence[Descriptor], catalog: Catalog, platform: Platform) -> FleetPlan:
    fleet = plan_fleet(plans_of(descriptors, catalog, platform), platform, catalog)
    assert faults(fleet, platform) == []
    return fleet


def copies(descriptor: Descriptor, count: int) -> list[Descriptor]:
    load = descriptor.serving.concurrency
    return [descriptor.model_copy(update={"name": f"{descriptor.name}-{load}-{index}"}) for index in range(count)]


@pytest.fixture(scope="module")
def dozen(models: Models) -> list[Descriptor]:
    """Models of the repository with other loads, twelve in all."""
    small = with_serving(models[LLAMA], context_tokens=4096, concurrency=4)
    spread = with_serving(models[BGE], minimum_replicas=3)
    return [
        *copies(models[LARGE], 3),
        *copies(small, 4),
        *copies(with_serving(models[LLAMA], concurrency=64), 2),
        *copies(spread, 2),
        models[RESNET],
    ]


def test_a_fleet_costs_at_most_what_its_models_cost_alone_and_at_least_the_bound(
    dozen: list[Descriptor], catalog: Catalog, platform: Platform
) -> None:
    fleet = fleet_of(dozen, catalog, platform)
    assert fleet.usd_per_hour is not None
    assert fleet.bound_usd_per_hour is not None
    assert fleet.alone_usd_per_hour is not None
    assert fleet.bound_usd_per_hour <= fleet.usd_per_hour <= fleet.alone_usd_per_hour
    assert fleet.gap is not None
    assert fleet.gap <= 0.02


def test_models_that_need_half_a_node_share_one(models: Models, catalog: Catalog, platform: Platform) -> None:
    # GIVEN two models that take four accelerators each, and only nodes of eight
    few = only(catalog, ["g7e.48xlarge"])
    fleet = fleet_of(copies(models[LARGE], 2), few, platform)

    # THEN one node holds both, which costs half of what each alone would
    (pool,) = fleet.pools
    assert (pool.node_count, pool.units) == (1, 8)
    assert fleet.usd_per_hour is not None
    assert fleet.alone_usd_per_hour == pytest.approx(2 * fleet.usd_per_hour)
    assert [member.usd_per_hour for member in pool.members] == [pytest.approx(fleet.usd_per_hour / 2)] * 2


def test_replicas_of_different_sizes_in_one_pool_get_priorities(
    models: Models, catalog: Catalog, platform: Platform
) -> None:
    few = only(catalog, ["g7e.48xlarge"])
    fleet = fleet_of([models[LARGE], models[LLAMA]], few, platform)
    assert [plan.seat.priority for plan in fleet.plans] == [4, 1]
    alike = fleet_of(copies(models[LARGE], 2), few, platform)
    assert [plan.seat.priority for plan in alike.plans] == [None, None]


def test_shuffled_models_and_catalogue_give_the_same_fleet(
    dozen: list[Descriptor], catalog: Catalog, platform: Platform
) -> None:
    backwards = replace(catalog, instance_types=MappingProxyType(dict(reversed(list(catalog.instance_types.items())))))
    fleet = fleet_of(dozen, catalog, platform)
    turned = fleet_of(list(reversed(dozen)), backwards, platform)
    assert turned.pools == fleet.pools
    assert [plan.descriptor.name for plan in turned.plans] == [one.name for one in reversed(dozen)]
    assert tuple(reversed(turned.plans)) == fleet.plans


def test_one_model_more_never_lowers_the_cost(dozen: list[Descriptor], catalog: Catalog, platform: Platform) -> None:
    plans = plans_of(dozen, catalog, platform)
    costs = [plan_fleet(plans[:count], platform, catalog).usd_per_hour or 0.0 for count in range(1, len(plans) + 1)]
    assert costs == sorted(costs)


def test_copies_that_have_to_spread_lie_on_two_nodes(models: Models, catalog: Catalog, platform: Platform) -> None:
    # GIVEN nodes of eight and three copies that one node could hold
    few = only(catalog, ["g7e.48xlarge"])
    spread = fleet_of([with_serving(models[LLAMA], minimum_replicas=3)], few, platform)
    together = fleet_of([with_serving(models[LLAMA], concurrency=3 * 40)], few, platform)
    assert spread.pools[0].node_count == 2
    assert together.pools[0].node_count == 1


def test_reservations_are_used_first_and_count_as_free(models: Models, catalog: Catalog, platform: Platform) -> None:
    reserved = with_reservations(platform, reservation("p5.48xlarge", count=1))
    fleet = fleet_of([models[LARGE], *copies(models[LLAMA], 3)], catalog, reserved)
    assert fleet.usd_per_hour == 0.0
    assert fleet.gap == 0.0
    (pool,) = fleet.pools
    assert [(group.nodes, group.zones, group.usd_per_hour) for group in pool.groups] == [(1, ("us-east-1a",), 0.0)]


def test_what_reservations_cannot_hold_is_bought(models: Models, catalog: Catalog, platform: Platform) -> None:
    few = only(catalog, ["g6e.12xlarge"])
    reserved = with_reservations(platform, reservation("g6e.12xlarge", count=1))
    fleet = fleet_of(copies(models[LARGE], 2), few, reserved)
    price = few.instance_types["g6e.12xlarge"].price
    assert price is not None
    (pool,) = fleet.pools
    nodes = sum(plan.chosen.nodes for plan in fleet.plans if plan.chosen is not None)
    assert [group.nodes for group in pool.groups] == [1, nodes - 1]
    assert fleet.usd_per_hour == pytest.approx((nodes - 1) * price.usd_per_hour)


def test_a_model_on_spot_and_one_on_demand_never_share_what_is_interrupted(
    models: Models, catalog: Catalog, platform: Platform
) -> None:
    few = only(catalog, ["g6e.xlarge"])
    spot = with_constraints(models[BGE], capacity_type=CapacityType.SPOT)
    fleet = fleet_of([spot, models[RESNET]], few, platform)
    assert [(pool.name, pool.capacity_type) for pool in fleet.pools] == [
        ("g6e-xlarge", "on-demand"),
        ("g6e-xlarge-spot", "spot"),
    ]
    assert [plan.seat.pool for plan in fleet.plans] == ["g6e-xlarge-spot", "g6e-xlarge"]


def test_a_model_on_spot_takes_room_that_is_left_on_demand(
    models: Models, catalog: Catalog, platform: Platform
) -> None:
    few = only(catalog, ["g7e.48xlarge"])
    spot = with_constraints(models[LLAMA], capacity_type=CapacityType.SPOT)
    fleet = fleet_of([models[LARGE], spot], few, platform)
    assert [(pool.name, pool.node_count) for pool in fleet.pools] == [("g7e-48xlarge", 1)]


def test_a_type_without_a_price_gives_no_sum_instead_of_a_wrong_one(
    models: Models, catalog: Catalog, platform: Platform
) -> None:
    few = only(catalog, ["p5.48xlarge"])
    unpriced = {name: replace(kind, price=None, capacity_block_price=None) for name, kind in few.instance_types.items()}
    few = replace(few, instance_types=MappingProxyType(unpriced))
    block = with_constraints(models[LARGE], capacity_type=CapacityType.CAPACITY_BLOCK)
    fleet = fleet_of([block], few, platform)
    assert (fleet.usd_per_hour, fleet.bound_usd_per_hour, fleet.gap) == (None, None, None)
    reserved = with_reservations(
        platform, reservation("p5.48xlarge", count=1, capacity_type=ReservedCapacity.CAPACITY_BLOCK)
    )
    assert fleet_of([block], few, reserved).usd_per_hour == 0.0


@pytest.mark.parametrize("bought", [CapacityType.SPOT, CapacityType.CAPACITY_BLOCK])
def test_where_the_on_demand_price_stands_in_for_another_is_told(
    models: Models, catalog: Catalog, platform: Platform, bought: CapacityType
) -> None:
    # GIVEN a type with a price on demand alone, and with prices of its own
    few = only(catalog, ["p5.48xlarge"])
    (kind,) = few.instance_types.values()
    unpriced = replace(kind, spot_price=None, capacity_block_price=None)
    priced = replace(kind, spot_price=kind.price, capacity_block_price=kind.price)
    asked = with_constraints(models[LARGE], capacity_type=bought)

    def told(given: InstanceType, on: Platform) -> list[str]:
        catalogue = replace(few, instance_types=MappingProxyType({given.name: given}))
        return [one for one in fleet_of([asked], catalogue, on).plans[0].warnings if "price" in one]

    # THEN the first is told, and neither the second nor nodes that cost nothing more
    assert told(unpriced, platform) == [
        f"no {bought.value} price of p5.48xlarge is in the catalogue: its nodes are counted at the on-demand price"
    ]
    assert told(priced, platform) == []
    if bought is CapacityType.CAPACITY_BLOCK:
        block = reservation("p5.48xlarge", count=1, capacity_type=ReservedCapacity.CAPACITY_BLOCK)
        assert told(unpriced, with_reservations(platform, block)) == []


def test_models_without_a_placement_are_handed_through(models: Models, catalog: Catalog, platform: Platform) -> None:
    impossible = with_constraints(models[LARGE], max_usd_per_hour=0.01)
    fleet = fleet_of([impossible, models[BGE]], catalog, platform)
    assert fleet.plans[0].chosen is None
    assert [member.model for pool in fleet.pools for member in pool.members] == [BGE]
    assert plan_fleet([], platform, catalog).pools == ()


def test_what_the_fleet_changes_stays_visible_in_the_plan(models: Models, catalog: Catalog, platform: Platform) -> None:
    # GIVEN a large model that stages on small nodes would not answer soon enough
    few = only(catalog, ["g7e.48xlarge", "g7e.2xlarge"])
    fleet = fleet_of([with_targets(models[LARGE], ttft_ms=12_000), *copies(models[LLAMA], 2)], few, platform)
    moved = fleet.plans[1]
    own = plan_model(moved.descriptor, moved.inventory, few, platform).chosen
    assert moved.chosen is not None
    assert own is not None
    assert (own.instance_type.name, moved.chosen.instance_type.name) == ("g7e.2xlarge", "g7e.48xlarge")
    assert moved.alternatives[0] == own
    assert moved.chosen not in moved.alternatives


@pytest.mark.parametrize("files", [["llama-3-1-8b-instruct"], [LLAMA, LARGE, BGE, RESNET]])
def test_a_plan_of_one_model_and_one_that_shares_nothing_load_no_solver(files: list[str]) -> None:
    program = (
        "import sys; from ai_on_eks.cli.main import main; "
        f"main(['plan', '--json', *{[f'models/{name}.yaml' for name in files]!r}]); "
        "assert not {'highspy', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_spot_and_blocks_are_counted_at_their_own_price_where_one_is_published(
    models: Models, catalog: Catalog, platform: Platform
) -> None:
    kind = catalog.instance_types["g6e.xlarge"]
    assert kind.price is not None
    spot_price = replace(kind.price, usd_per_hour=0.5)
    few = only(catalog, ["g6e.xlarge"])
    few = replace(few, instance_types=MappingProxyType({"g6e.xlarge": replace(kind, spot_price=spot_price)}))
    spot = with_constraints(models[BGE], capacity_type=CapacityType.SPOT)
    assert fleet_of([spot], few, platform).usd_per_hour == 0.5
    assert fleet_of([spot], only(catalog, ["g6e.xlarge"]), platform).usd_per_hour == kind.price.usd_per_hour
