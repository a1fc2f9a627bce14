"""From plans to nodes."""

from __future__ import annotations

import pytest
from placement_changes import only

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor, Storage
from ai_on_eks.placement.capacity import ROOT_VOLUME_MARGIN_GIB, capacity_requests
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import CapacityRequest, Placement, Plan
from ai_on_eks.units import GIB

IMAGE_BYTES = 10 * GIB


class AnyImage(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return IMAGE_BYTES


@pytest.fixture(scope="module")
def plans(models: dict[str, Descriptor], catalog: Catalog, platform: Platform) -> tuple[Plan, ...]:
    return tuple(plan_model(model, build_inventory(model), catalog, platform) for model in models.values())


def test_nodes_of_one_type_are_added_up(plans: tuple[Plan, ...], platform: Platform, catalog: Catalog) -> None:
    once = capacity_requests(plans, platform, catalog, AnyImage())
    twice = capacity_requests((*plans, *plans), platform, catalog, AnyImage())
    assert [request.nodes * 2 for request in once] == [request.nodes for request in twice]
    assert [request.name for request in once] == sorted({request.name for request in once})


def test_every_chosen_model_is_named_once(plans: tuple[Plan, ...], platform: Platform, catalog: Catalog) -> None:
    requests = capacity_requests(plans, platform, catalog, AnyImage())
    assert sorted(name for request in requests for name in request.models) == sorted(p.descriptor.name for p in plans)


def test_zones_are_those_that_offer_the_type(plans: tuple[Plan, ...], platform: Platform, catalog: Catalog) -> None:
    for request in capacity_requests(plans, platform, catalog, AnyImage()):
        assert request.zones
        assert set(request.zones) <= set(platform.network.availability_zones)
        assert set(request.zones) <= set(catalog.zones(request.instance_type.name, platform.region))


def requests_on(
    instance_type: str, model: Descriptor, catalog: Catalog, platform: Platform
) -> tuple[Placement, CapacityRequest]:
    here = only(catalog, [instance_type])
    plan = plan_model(model, build_inventory(model), here, platform)
    assert plan.chosen is not None
    (request,) = capacity_requests([plan], platform, here, AnyImage())
    return plan.chosen, request


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
    plans = [plan_model(one, build_inventory(one), few, platform) for one in (first, second)]
    (request,) = capacity_requests(plans, platform, few, AnyImage())

    # THEN the disk of either node holds the pods of both
    chosen = [plan.chosen for plan in plans if plan.chosen is not None]
    pods_bytes = sum(placement.memory.host.ephemeral_bytes * placement.replicas for placement in chosen)
    assert sum(placement.replicas for placement in chosen) <= few.instance_types["g6e.12xlarge"].accelerator_count
    used_bytes = 2 * IMAGE_BYTES + pods_bytes + ROOT_VOLUME_MARGIN_GIB * GIB
    assert used_bytes <= 0.85 * request.root_volume_gib * GIB


def test_a_model_without_a_placement_asks_for_nothing(
    plans: tuple[Plan, ...], platform: Platform, catalog: Catalog
) -> None:
    unplaced = Plan(
        descriptor=plans[0].descriptor,
        inventory=plans[0].inventory,
        region=platform.region,
        chosen=None,
        alternatives=(),
        rejected=(),
        warnings=(),
        accepted=(),
    )
    assert capacity_requests([unplaced], platform, catalog, {}) == ()


def test_an_image_without_a_size_is_an_error_not_a_guess(
    plans: tuple[Plan, ...], platform: Platform, catalog: Catalog
) -> None:
    with pytest.raises(KeyError):
        capacity_requests(plans, platform, catalog, {})
