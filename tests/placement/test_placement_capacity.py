"""From plans to nodes."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.placement.capacity import capacity_requests
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan
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


def test_the_root_volume_holds_two_images_and_the_pods(
    plans: tuple[Plan, ...], platform: Platform, catalog: Catalog
) -> None:
    by_name = {plan.descriptor.name: plan for plan in plans}
    for request in capacity_requests(plans, platform, catalog, AnyImage()):
        pods = max(
            by_name[name].chosen.memory.host.ephemeral_bytes  # type: ignore[union-attr] # chosen by construction
            for name in request.models
        )
        assert request.root_volume_gib * GIB >= 2 * IMAGE_BYTES + pods
        assert request.root_volume_gib % 10 == 0


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
    )
    assert capacity_requests([unplaced], platform, catalog, {}) == ()


def test_an_image_without_a_size_is_an_error_not_a_guess(
    plans: tuple[Plan, ...], platform: Platform, catalog: Catalog
) -> None:
    with pytest.raises(KeyError):
        capacity_requests(plans, platform, catalog, {})
