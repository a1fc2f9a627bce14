"""From plans to nodes."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from placement_changes import RESERVATION, only, reservation, with_reservations

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor, Storage
from ai_on_eks.errors import InputError
from ai_on_eks.placement.capacity import ROOT_VOLUME_MARGIN_GIB, capacity_requests, exchanges_over_efa
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.fleet.types import FleetGroup, FleetPlan
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import CapacityRequest, Placement
from ai_on_eks.units import GIB

TWO_SMALL = ("bge-large-en-v1-5", "resnet-50")
IMAGE_BYTES = 10 * GIB


class AnyImage(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return IMAGE_BYTES


@pytest.fixture(scope="module")
def fleet(models: dict[str, Descriptor], catalog: Catalog, platform: Platform) -> FleetPlan:
    plans = [plan_model(model, build_inventory(model), catalog, platform) for model in models.values()]
    return plan_fleet(plans, platform, catalog)


def test_there_is_one_request_for_each_group_of_the_fleet(fleet: FleetPlan) -> None:
    requests = capacity_requests(fleet, AnyImage())
    groups = {group.name: group for pool in fleet.pools for group in pool.groups}
    assert [request.name for request in requests] == sorted(groups)
    assert [request.nodes for request in requests] == [groups[request.name].nodes for request in requests]


def test_every_chosen_model_is_named_once(fleet: FleetPlan) -> None:
    requests = capacity_requests(fleet, AnyImage())
    named = sorted(name for request in requests for name in request.models)
    assert named == sorted(plan.descriptor.name for plan in fleet.plans)


def test_zones_are_those_that_offer_the_type(fleet: FleetPlan, platform: Platform, catalog: Catalog) -> None:
    for request in capacity_requests(fleet, AnyImage()):
        assert request.zones
        assert set(request.zones) <= set(platform.network.availability_zones)
        assert set(request.zones) <= set(catalog.zones(request.instance_type.name, platform.region))


def test_reserved_nodes_are_a_request_of_their_own_in_the_same_pool(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    # GIVEN one reserved node of the type, and two models that take one each
    few = only(catalog, ["g6.xlarge"])
    reserved = with_reservations(platform, reservation("g6.xlarge", count=1, zone="us-east-1b"))
    plans = [plan_model(models[name], build_inventory(models[name]), few, reserved) for name in TWO_SMALL]
    bought, paid = capacity_requests(plan_fleet(plans, reserved, few), AnyImage())

    # THEN the pods' label is the same on both, the reserved one stands in its zone
    assert (bought.name, bought.nodes, bought.reservation_id) == ("g6-xlarge", 1, None)
    assert (paid.name, paid.nodes, paid.reservation_id) == (f"g6-xlarge-{RESERVATION}", 1, RESERVATION)
    assert paid.zones == ("us-east-1b",)
    assert bought.pool == paid.pool == "g6-xlarge"


def requests_on(
    instance_type: str, model: Descriptor, catalog: Catalog, platform: Platform
) -> tuple[Placement, CapacityRequest]:
    here = only(catalog, [instance_type])
    fleet = plan_fleet([plan_model(model, build_inventory(model), here, platform)], platform, here)
    (request,) = capacity_requests(fleet, AnyImage())
    chosen = fleet.plans[0].chosen
    assert chosen is not None
    return chosen, request


def test_the_root_volume_holds_two_images_and_the_pods_within_the_kubelets_thresholds(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    # GIVEN a model whose weights lie on the node
    model = models["llama-3-3-70b-instruct"].model_copy(update={"storage": Storage.NODE})
    placement, request = requests_on("g7e.24xlarge", model, catalog, platform)
    volume_bytes = request.root_volume_gib * GIB
    used_bytes = 2 * IMAGE_BYTES + placement.memory.host.ephemeral_bytes + ROOT_VOLUME_MARGIN_GIB * GIB

    # THEN the kubelet neither collects images (above 85 %) nor evicts pods (above 90 %)
    assert used_bytes <= 0.85 * volume_bytes
    assert request.root_volume_gib % 10 == 0


def test_the_root_volume_holds_the_pods_of_two_models_that_may_meet_on_a_node(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    # GIVEN two models on a type with accelerators for all replicas of both, their weights on the node
    model = models["llama-3-1-8b-instruct"]
    first = model.model_copy(update={"storage": Storage.NODE})
    second = first.model_copy(update={"name": "second"})
    few = only(catalog, ["g6e.12xlarge"])
    fleet = plan_fleet([plan_model(one, build_inventory(one), few, platform) for one in (first, second)], platform, few)
    (request,) = capacity_requests(fleet, AnyImage())

    # THEN the disk of either node holds the pods of both
    chosen = [plan.chosen for plan in fleet.plans if plan.chosen is not None]
    pods_bytes = sum(placement.memory.host.ephemeral_bytes * placement.replicas for placement in chosen)
    assert sum(placement.replicas for placement in chosen) <= few.instance_types["g6e.12xlarge"].accelerator_count
    used_bytes = 2 * IMAGE_BYTES + pods_bytes + ROOT_VOLUME_MARGIN_GIB * GIB
    assert used_bytes <= 0.85 * request.root_volume_gib * GIB


def test_a_model_without_a_placement_asks_for_nothing(fleet: FleetPlan, platform: Platform, catalog: Catalog) -> None:
    unplaced = replace(fleet.plans[0], chosen=None, alternatives=(), accepted=())
    assert capacity_requests(plan_fleet([unplaced], platform, catalog), {}) == ()


def test_an_image_without_a_size_is_an_error_not_a_guess(fleet: FleetPlan) -> None:
    with pytest.raises(KeyError):
        capacity_requests(fleet, {})


def spanning(
    models: dict[str, Descriptor],
    catalog: Catalog,
    platform: Platform,
    instance_type: str,
    groups: tuple[FleetGroup, ...],
) -> FleetPlan:
    """A pool with one model whose only replica takes two of its nodes, bought as `groups` say."""
    here = only(catalog, [instance_type])
    model = models["llama-3-1-8b-instruct"]
    fleet = plan_fleet([plan_model(model, build_inventory(model), here, platform)], platform, here)
    (pool,) = fleet.pools
    (member,) = pool.members
    placed = replace(member.placement, nodes_per_replica=2, nodes=2)
    return replace(fleet, pools=(replace(pool, groups=groups, members=(replace(member, placement=placed),)),))


BOUGHT = FleetGroup("bought", 1, ("us-east-1a", "us-east-1b"), None, 1.0)
PAID = FleetGroup("paid", 1, ("us-east-1b",), RESERVATION, 0.0)


def test_nodes_that_a_replica_spans_exchange_over_efa_and_stand_in_one_zone(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    (request,) = capacity_requests(spanning(models, catalog, platform, "g6e.12xlarge", (BOUGHT,)), AnyImage())
    assert (request.efa, request.zones) == (True, ("us-east-1a",))


def test_bought_nodes_stand_in_the_zone_of_the_reserved_ones_that_they_share_replicas_with(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    requests = capacity_requests(spanning(models, catalog, platform, "g6e.12xlarge", (BOUGHT, PAID)), AnyImage())
    assert [(request.efa, request.zones) for request in requests] == [(True, ("us-east-1b",))] * 2


def test_reservations_of_two_zones_cannot_share_a_replica(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    elsewhere = replace(PAID, name="elsewhere", zones=("us-east-1c",))
    with pytest.raises(InputError) as caught:
        capacity_requests(spanning(models, catalog, platform, "g6e.12xlarge", (PAID, elsewhere)), AnyImage())
    assert [problem.code for problem in caught.value.problems] == ["efa-zones-apart"]


def test_stages_on_a_type_without_adapters_need_none_and_tensor_parallelism_does(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    (pool,) = spanning(models, catalog, platform, "g6e.xlarge", (BOUGHT,)).pools
    staged = replace(pool.members[0].placement, tensor_parallel=1, pipeline_parallel=2)
    assert exchanges_over_efa(staged) is False
    assert exchanges_over_efa(replace(staged, tensor_parallel=2, pipeline_parallel=1)) is True


def test_replicas_on_one_node_need_no_fabric(fleet: FleetPlan) -> None:
    assert not any(request.efa for request in capacity_requests(fleet, AnyImage()))
