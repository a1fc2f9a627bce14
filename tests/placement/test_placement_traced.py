"""Models that are traced for Neuron devices: a copy on every core, for the tasks that the server knows."""

from __future__ import annotations

from pathlib import Path

import pytest
from placement_changes import only, with_constraints, with_serving, with_targets

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.platform import PlannedEngines, Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan

MODELS = Path(__file__).parents[1] / "k8s" / "engine_models"
TRACED = ["bge-base-inferentia2", "resnet-50-inferentia2", "vit-base-inferentia2"]


def descriptor(name: str) -> Descriptor:
    return load_descriptor(MODELS / f"{name}.yaml")


def planned(
    model: Descriptor, catalog: Catalog, platform: Platform, engines: PlannedEngines = PlannedEngines.ANY
) -> Plan:
    changed = platform.model_copy(update={"engines": engines})
    types = only(catalog, ["inf2.xlarge", "inf2.24xlarge", "g6.xlarge", "g4dn.xlarge"])
    return plan_model(model, build_inventory(model), types, changed)


@pytest.mark.parametrize("name", TRACED)
@pytest.mark.parametrize("engines", [PlannedEngines.ANY, PlannedEngines.RENDERED])
def test_what_is_asked_for_is_served_and_not_what_nobody_renders(
    name: str, engines: PlannedEngines, catalog: Catalog, platform: Platform
) -> None:
    plan = planned(descriptor(name), catalog, platform, engines)
    assert plan.chosen is not None
    assert (plan.chosen.engine.name, plan.chosen.instance_type.name) == ("torch-neuronx", "inf2.xlarge")


@pytest.mark.parametrize("name", TRACED)
def test_copies_on_both_cores_take_half_the_time_of_one(name: str, catalog: Catalog, platform: Platform) -> None:
    both = with_constraints(
        descriptor(name), engines=("torch-neuronx", "neuronx-distributed"), instance_families=("inf2",)
    )
    found = {
        one.engine.name: one.estimates.ttft_ms
        for one in planned(both, catalog, platform).accepted
        if one.instance_type.name == "inf2.xlarge" and one.tensor_parallel == 1
    }
    one_core, both_cores = found["neuronx-distributed"], found["torch-neuronx"]
    assert one_core is not None and both_cores is not None  # noqa: PT018 - one fact
    assert 1.5 < one_core / both_cores <= 2.0


@pytest.mark.parametrize(("name", "most"), [("resnet-50-inferentia2", 1100.0), ("bge-base-inferentia2", None)])
def test_no_more_items_are_promised_than_the_server_passes_on(
    name: str, most: float | None, catalog: Catalog, platform: Platform
) -> None:
    chosen = planned(descriptor(name), catalog, platform).chosen
    assert chosen is not None
    assert chosen.estimates.items_per_s is not None
    bound = chosen.engine.most_items_per_s[build_inventory(descriptor(name)).item.value]
    assert chosen.estimates.items_per_s == most if most else chosen.estimates.items_per_s < bound


def test_a_load_beyond_the_server_gets_more_replicas(catalog: Catalog, platform: Platform) -> None:
    model = with_targets(descriptor("resnet-50-inferentia2"), items_per_second=2000)
    chosen = planned(with_serving(model, concurrency=64), catalog, platform).chosen
    assert chosen is not None
    assert chosen.replicas == 2


def test_a_device_is_taken_whole_and_never_divided(catalog: Catalog, platform: Platform) -> None:
    plan = planned(with_constraints(descriptor("vit-base-inferentia2"), engines=("torch-neuronx",)), catalog, platform)
    assert {one.accelerators_per_replica for one in plan.accepted} == {1}
    assert {one.tensor_parallel for one in plan.accepted} == {1}
    reasons = {one.reason for one in plan.rejected if one.tensor_parallel > 1}
    assert "PyTorch NeuronX 2.9 has no tensor parallelism" in reasons


def test_who_does_not_name_the_device_stays_where_it_is_and_is_told(catalog: Catalog, platform: Platform) -> None:
    anywhere = descriptor("bge-base-inferentia2").model_copy(update={"precision": None})
    anywhere = with_constraints(anywhere, accelerators=())
    plan = planned(anywhere, catalog, platform, PlannedEngines.RENDERED)
    assert plan.chosen is not None
    assert plan.chosen.engine.name == "tei"
    (warning,) = (one for one in plan.warnings if "would save" in one)
    assert "1 × inf2.xlarge with PyTorch NeuronX, 0.758 $/h" in warning
    assert "its publisher only maintains it" in warning


@pytest.mark.parametrize(
    ("task", "words"), [("token-classification", "not task token-classification"), (None, "not a model without task")]
)
def test_a_task_that_the_server_does_not_know_is_said(
    task: str | None, words: str, catalog: Catalog, platform: Platform
) -> None:
    model = descriptor("bge-base-inferentia2").model_copy(update={"task": task})
    plan = planned(model, catalog, platform, PlannedEngines.RENDERED)
    assert plan.chosen is None
    (reason,) = (one.reason for one in plan.rejected if one.engine == "torch-neuronx")
    assert words in reason


def test_a_network_that_was_never_traced_is_not_taken(catalog: Catalog, platform: Platform) -> None:
    model = descriptor("bge-base-inferentia2")
    config = model.architecture.config
    assert isinstance(config, dict)
    other = {**config, "model_type": "ernie"}
    changed = model.model_copy(update={"architecture": model.architecture.model_copy(update={"config": other})})
    plan = planned(changed, catalog, platform, PlannedEngines.RENDERED)
    (reason,) = (one.reason for one in plan.rejected if one.engine == "torch-neuronx")
    assert "does not load model type 'ernie'" in reason
