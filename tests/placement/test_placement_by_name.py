"""Engines that are deployed only where somebody asks for them: beta, or no longer developed."""

from __future__ import annotations

from pathlib import Path

import pytest
from placement_changes import only, with_constraints

from ai_on_eks.catalog.engines import load_engines
from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor
from ai_on_eks.descriptors.platform import PlannedEngines, Platform
from ai_on_eks.descriptors.schema import Constraints, Descriptor
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan

WHISPER = Path(__file__).parents[2] / "docs" / "examples" / "models" / "whisper-large-v3-turbo.yaml"
TYPES = ["inf2.8xlarge", "g7e.2xlarge"]


def planned(descriptor: Descriptor, catalog: Catalog, platform: Platform, engines: PlannedEngines | None) -> Plan:
    changed = platform.model_copy(update={"engines": engines})
    return plan_model(descriptor, build_inventory(descriptor), only(catalog, TYPES), changed)


@pytest.fixture
def small(llama: Descriptor) -> Descriptor:
    """A load that Inferentia2 serves for less."""
    return llama.model_copy(
        update={"serving": llama.serving.model_copy(update={"context_tokens": 4096, "concurrency": 8})}
    )


def chosen_engine(plan: Plan) -> str:
    assert plan.chosen is not None
    return plan.chosen.engine.name


def test_what_is_deployed_is_not_moved_to_such_an_engine_for_its_price(
    small: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    plan = planned(small, catalog, platform, PlannedEngines.RENDERED)
    assert chosen_engine(plan) == "vllm"
    (warning,) = (one for one in plan.warnings if "would save" in one)
    assert "NxD Inference is taken where constraints name it, its accelerator or its instance family" in warning


@pytest.mark.parametrize(
    "constraint",
    [{"engines": ("vllm", "nxd-inference")}, {"accelerators": ("inferentia2",)}, {"instance_families": ("inf2",)}],
)
def test_who_names_the_engine_its_accelerator_or_its_family_gets_it(
    small: Descriptor, catalog: Catalog, platform: Platform, constraint: dict[str, tuple[str, ...]]
) -> None:
    plan = planned(with_constraints(small, **constraint), catalog, platform, PlannedEngines.RENDERED)
    assert chosen_engine(plan) == "nxd-inference"


def test_who_names_an_accelerator_that_others_run_on_too_has_not_named_the_engine(
    small: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    on_h100 = with_constraints(small, accelerators=("h100",))
    for engines in (PlannedEngines.RENDERED, PlannedEngines.ANY):
        changed = platform.model_copy(update={"engines": engines})
        plan = plan_model(on_h100, build_inventory(on_h100), only(catalog, ["p5.4xlarge"]), changed)
        assert chosen_engine(plan) == "vllm"
    by_engine = with_constraints(small, engines=("sglang",))
    plan = plan_model(by_engine, build_inventory(by_engine), only(catalog, ["p5.4xlarge"]), platform)
    assert chosen_engine(plan) == "sglang"


def test_a_plan_that_considers_any_engine_shows_it(small: Descriptor, catalog: Catalog, platform: Platform) -> None:
    assert chosen_engine(planned(small, catalog, platform, PlannedEngines.ANY)) == "nxd-inference"


def test_an_engine_runs_on_its_own_accelerators_alone(small: Descriptor, catalog: Catalog, platform: Platform) -> None:
    named = with_constraints(small, engines=("vllm-neuron",))
    plan = planned(named, catalog, platform, PlannedEngines.RENDERED)
    assert plan.chosen is None
    reasons = {one.reason for one in plan.rejected if one.instance_type == "inf2.8xlarge"}
    assert "vLLM Neuron 0.24.0.1.1.0 runs on trainium2 only" in reasons


def test_these_engines_say_why() -> None:
    assert {name for name, engine in load_engines().items() if engine.by_name} == {
        "nxd-inference",
        "sglang",
        "tensorrt-llm",
        "torch-neuronx",
        "vllm-neuron",
        "vllm-ray",
    }


@pytest.mark.parametrize(("engines", "chosen"), [((), None), (("vllm-ray",), "vllm-ray"), (("vllm",), "vllm")])
def test_speech_is_not_moved_to_an_image_that_cannot_read_sound(
    catalog: Catalog, platform: Platform, engines: tuple[str, ...], chosen: str | None
) -> None:
    whisper = load_descriptor(WHISPER).model_copy(update={"constraints": Constraints(engines=engines)})
    plan = planned(whisper, catalog, platform, PlannedEngines.RENDERED)
    assert (None if plan.chosen is None else plan.chosen.engine.name) == chosen
    if chosen is None:
        assert any("no libraries that read sound" in one.reason for one in plan.rejected)


def test_an_engine_that_loads_what_another_does_is_looked_at_only_where_it_is_named(
    small: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    for engines in (PlannedEngines.RENDERED, PlannedEngines.ANY):
        plan = planned(small, catalog, platform, engines)
        for name in ("tensorrt-llm", "vllm-ray"):
            (rejection,) = (one for one in plan.rejected if one.engine == name)
            assert rejection.reason == f"{name} loads what vllm does and is looked at where it is named"
