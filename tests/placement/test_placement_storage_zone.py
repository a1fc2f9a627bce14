"""A file system lies in one zone: models that read from it are planned there, and their nodes started there."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_storage import FsxForLustre, PlatformStorage
from ai_on_eks.descriptors.schema import Descriptor, Storage
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan

LARGE = "llama-3-3-70b-instruct"


def reader(descriptor: Descriptor) -> Descriptor:
    return descriptor.model_copy(update={"storage": Storage.FSX})


def planned(descriptor: Descriptor, platform: Platform, catalog: Catalog, zone: str) -> Plan:
    return plan_model(descriptor, build_inventory(descriptor), catalog, in_zone(platform, zone))


def in_zone(platform: Platform, zone: str) -> Platform:
    return platform.model_copy(update={"storage": PlatformStorage(fsx=FsxForLustre(zone=zone))})


def zones_of_best(descriptor: Descriptor, platform: Platform, catalog: Catalog) -> tuple[str, ...]:
    chosen = plan_model(descriptor, build_inventory(descriptor), catalog, platform).chosen
    assert chosen is not None
    return catalog.zones(chosen.instance_type.name, platform.region)


def test_the_choice_is_a_type_that_the_file_systems_zone_offers(
    models: dict[str, Descriptor], platform: Platform, catalog: Catalog
) -> None:
    """GIVEN a zone that lacks the best type WHEN the weights lie there THEN another is chosen, and why is said."""
    offered = zones_of_best(models[LARGE], platform, catalog)
    elsewhere = next(zone for zone in platform.network.availability_zones if zone not in offered)
    plan = planned(reader(models[LARGE]), platform, catalog, elsewhere)
    assert plan.chosen is not None
    assert elsewhere in catalog.zones(plan.chosen.instance_type.name, platform.region)
    told = [one.reason for one in plan.rejected if f"file system lies in {elsewhere}" in one.reason]
    assert told
    # the same descriptor without the file system is not held to the zone
    assert planned(models[LARGE], platform, catalog, elsewhere).chosen != plan.chosen


@pytest.mark.parametrize("zone", ["us-east-1a", "us-east-1b"])
def test_nodes_of_a_pool_stand_where_all_of_its_models_can_read(
    models: dict[str, Descriptor], platform: Platform, catalog: Catalog, zone: str
) -> None:
    """GIVEN two models that may share nodes, one of which reads from the file system."""
    descriptors = [reader(models["bge-large-en-v1-5"]), models["resnet-50"]]
    plans = [planned(one, platform, catalog, zone) for one in descriptors]
    fleet = plan_fleet(plans, in_zone(platform, zone), catalog)
    reading = [pool for pool in fleet.pools if any(one.model == "bge-large-en-v1-5" for one in pool.members)]
    assert reading
    assert {group.zones for pool in reading for group in pool.groups} == {(zone,)}
