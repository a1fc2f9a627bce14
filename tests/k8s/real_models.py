"""The models and the platform of this repository, planned for real: from the files to the workloads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from ai_on_eks.catalog.loading import Catalog, load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.descriptors.platform import PlannedEngines, Platform
from ai_on_eks.placement.capacity import capacity_requests
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.fleet.types import FleetPlan
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import CapacityRequest, Plan
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload

ROOT = Path(__file__).resolve().parents[2]
DESCRIPTORS = {path.stem: path for path in sorted((ROOT / "models").glob("*.yaml"))}
MODELS = sorted(DESCRIPTORS)


@cache
def real_platform() -> Platform:
    """platform.yaml, as commands that make workloads plan on it."""
    return load_platform(ROOT / "platform.yaml").model_copy(update={"engines": PlannedEngines.RENDERED})


@cache
def real_catalog() -> Catalog:
    """What EC2 offers in the platform's region."""
    return load_catalog(real_platform().region)


@cache
def real_fleet() -> FleetPlan:
    """The plan of all models together."""
    descriptors = [load_descriptor(DESCRIPTORS[model]) for model in MODELS]
    plans = [plan_model(one, build_inventory(one), real_catalog(), real_platform()) for one in descriptors]
    return plan_fleet(plans, real_platform(), real_catalog())


@cache
def real_plan(model: str) -> Plan:
    """The plan of one model."""
    return real_fleet().plans[MODELS.index(model)]


@cache
def real_workload(model: str) -> Workload:
    """The workload of one model."""
    return build_workload(real_plan(model), real_platform(), load_images(None))


@cache
def real_capacity() -> Mapping[str, CapacityRequest]:
    """The nodes that all models need together, by model."""
    image_bytes = {key: image.size_bytes for key, image in load_images(None).items()}
    requests = capacity_requests(real_fleet(), image_bytes)
    return {model: request for request in requests for model in request.models}
