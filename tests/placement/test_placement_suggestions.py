"""Suggestions are plans that have been made, and none is taken by itself."""

from __future__ import annotations

import pytest
from placement_changes import only, with_constraints, with_serving, with_targets

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor, Precision, WeightPrecision
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan, Suggestion


def planned(descriptor: Descriptor, catalog: Catalog, platform: Platform) -> Plan:
    return plan_model(descriptor, build_inventory(descriptor), catalog, platform)


def by_path(plan: Plan) -> dict[str, Suggestion]:
    return {suggestion.setting.partition(": ")[0]: suggestion for suggestion in plan.suggestions}


def test_given_a_model_that_fits_then_fewer_bits_are_priced_and_not_chosen(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    # GIVEN a model in 16 bits
    plan = planned(llama, catalog, platform)
    suggestion = next(one for one in plan.suggestions if "awq" in one.setting)

    # THEN the suggestion is what a plan of it comes to, and the choice is still in 16 bits
    awq = llama.model_copy(update={"precision": Precision(weights=WeightPrecision.INT4, scheme="awq")})
    assert suggestion.placement == planned(awq, catalog, platform).chosen
    assert plan.chosen is not None
    assert plan.chosen.usd_per_hour is not None
    assert suggestion.placement.usd_per_hour is not None
    assert suggestion.saved_share == pytest.approx(1 - suggestion.placement.usd_per_hour / plan.chosen.usd_per_hour)
    assert plan.chosen.memory.weights_bytes == 2 * build_inventory(llama).parameters


def test_given_suggestions_then_each_costs_less_and_the_cheapest_is_first(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    plan = planned(llama, catalog, platform)
    assert plan.chosen is not None
    costs = [one.placement.usd_per_hour or 0.0 for one in plan.suggestions]
    assert costs
    assert costs == sorted(costs)
    assert costs[-1] < (plan.chosen.usd_per_hour or 0.0)


def test_given_a_ceiling_below_the_floor_then_the_floor_is_suggested(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    floor = planned(llama, catalog, platform).chosen
    assert floor is not None
    plan = planned(with_constraints(llama, max_usd_per_hour=0.01), catalog, platform)
    assert plan.chosen is None
    suggestion = by_path(plan)["constraints.max_usd_per_hour"]
    assert suggestion.placement == floor
    assert suggestion.saved_share is None


def test_given_a_target_that_nobody_meets_then_the_nearest_that_can_be_met_is_suggested(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    plan = planned(with_targets(llama, tpot_ms=0.1), catalog, platform)
    assert plan.chosen is None
    reached = float(by_path(plan)["serving.targets.tpot_ms"].setting.partition(": ")[2])
    assert planned(with_targets(llama, tpot_ms=reached), catalog, platform).chosen is not None
    assert planned(with_targets(llama, tpot_ms=reached - 0.2), catalog, platform).chosen is None


def test_given_a_context_that_does_not_fit_then_the_longest_that_does_is_suggested(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    # GIVEN one node, and not the money for a second to divide the model over
    few = only(catalog, ["g6.xlarge"])
    llama = with_constraints(with_serving(llama, concurrency=1), max_usd_per_hour=1.0)
    plan = planned(with_serving(llama, context_tokens=131_072), few, platform)
    assert plan.chosen is None
    settings = [one.setting for one in plan.suggestions if one.setting.startswith("serving.context_tokens: ")]
    longest = max(int(setting.partition(": ")[2]) for setting in settings)
    assert planned(with_serving(llama, context_tokens=longest), few, platform).chosen is not None
    assert planned(with_serving(llama, context_tokens=longest + 1024), few, platform).chosen is None


def test_given_an_accelerator_that_is_too_small_then_one_that_does_is_named(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    llama_70b = with_constraints(models["llama-3-3-70b-instruct"], accelerators=("t4",))
    suggestion = by_path(planned(llama_70b, catalog, platform))["constraints.accelerators"]
    accelerator = suggestion.placement.instance_type.accelerator
    assert accelerator is not None
    assert suggestion.setting == f"constraints.accelerators: [{accelerator.name}]"
    allowed = with_constraints(llama_70b, accelerators=(accelerator.name,))
    assert planned(allowed, catalog, platform).chosen == suggestion.placement
