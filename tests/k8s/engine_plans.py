"""A model for each engine and way to divide one that a workload is rendered for, planned for real."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from real_models import real_platform

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.capacity import capacity_requests
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.fleet.types import FleetPlan
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import CapacityRequest, Placement
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload

FOLDER = Path(__file__).parent / "engine_models"
ENGINE_MODELS = sorted(path.stem for path in FOLDER.glob("*.yaml"))


ELSEWHERE = {"llama-3-3-70b-trainium2": ("us-east-2", ("us-east-2a", "us-east-2b", "us-east-2c"))}
"""Region and zones of models whose accelerator the platform's own region does not offer."""


@cache
def engine_platform(model: str) -> Platform:
    """The platform that a model is planned on."""
    platform = real_platform()
    if model not in ELSEWHERE:
        return platform
    region, zones = ELSEWHERE[model]
    network = platform.network.model_copy(update={"availability_zones": zones})
    return platform.model_copy(update={"region": region, "network": network})


@cache
def engine_fleet(model: str) -> FleetPlan:
    """The plan of one model on nodes of its own."""
    platform = engine_platform(model)
    catalog = load_catalog(platform.region)
    descriptor = load_descriptor(FOLDER / f"{model}.yaml")
    plan = plan_model(descriptor, build_inventory(descriptor), catalog, platform)
    return plan_fleet([plan], platform, catalog)


def engine_placement(model: str) -> Placement:
    """What was chosen for it."""
    (plan,) = engine_fleet(model).plans
    assert plan.chosen is not None
    return plan.chosen


@cache
def engine_workload(model: str) -> Workload:
    """Its workload."""
    (plan,) = engine_fleet(model).plans
    return build_workload(plan, engine_platform(model), load_images(None))


@cache
def engine_capacity(model: str) -> CapacityRequest:
    """The nodes that it needs."""
    image_bytes = {key: image.size_bytes for key, image in load_images(None).items()}
    (request,) = capacity_requests(engine_fleet(model), image_bytes)
    return request
