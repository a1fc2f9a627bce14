"""Nodes that autoscaling may come to need."""

from __future__ import annotations

import pytest
from placement_changes import only, reservation, with_reservations

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import CapacityStrategy, Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import InputError
from ai_on_eks.placement.capacity import capacity_requests
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.room import with_room
from ai_on_eks.placement.types import CapacityRequest

MODEL = "llama-3-1-8b-instruct"
IMAGES = {"vllm": 10 * 2**30}


def requests(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform, maximum: int | None
) -> tuple[CapacityRequest, ...]:
    here = only(catalog, ["g6e.12xlarge"])
    serving = models[MODEL].serving.model_copy(update={"maximum_replicas": maximum})
    model = models[MODEL].model_copy(update={"serving": serving})
    fleet = plan_fleet([plan_model(model, build_inventory(model), here, platform)], platform, here)
    return with_room(capacity_requests(fleet, IMAGES), fleet, platform.capacity)


def on(platform: Platform, strategy: CapacityStrategy) -> Platform:
    return platform.model_copy(update={"capacity": platform.capacity.model_copy(update={"strategy": strategy})})


@pytest.mark.parametrize(("maximum", "most"), [(None, None), (2, None), (6, 2), (10, 3)])
def test_there_is_room_for_the_most_replicas_four_on_a_node(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform, maximum: int | None, most: int | None
) -> None:
    (request,) = requests(models, catalog, on(platform, CapacityStrategy.KARPENTER), maximum)
    assert request.nodes == 1
    assert request.most_nodes == most


def test_nodes_of_a_managed_group_do_not_become_more(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    with pytest.raises(InputError) as raised:
        requests(models, catalog, on(platform, CapacityStrategy.MANAGED_NODE_GROUPS), 5)
    (problem,) = raised.value.problems
    assert (problem.code, problem.path, problem.value) == (
        "autoscaling-without-nodes", "capacity.pool_strategies", "g6e-12xlarge",
    )  # fmt: skip


def test_nor_do_those_of_a_reservation_alone(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    reserved = with_reservations(platform, reservation("g6e.12xlarge", count=1, zone="us-east-1b"))
    with pytest.raises(InputError, match="autoscaling-without-nodes"):
        requests(models, catalog, on(reserved, CapacityStrategy.KARPENTER), 5)
