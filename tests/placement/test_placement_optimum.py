"""On small catalogues the plan is held to brute force; on any, to what must hold whatever is asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from placement_changes import only, with_constraints, with_serving, with_targets

from ai_on_eks.catalog.loading import Catalog, load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.documents import parse_yaml, validate
from ai_on_eks.descriptors.platform import PlannedEngines, Platform
from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.descriptors.schema import Descriptor, Policy
from ai_on_eks.placement.candidates import candidates, engines_for
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.ranking import latency_ms, order_of, throughput
from ai_on_eks.placement.requirements import resolve
from ai_on_eks.placement.rules import CANDIDATE_RULES, PLACEMENT_RULES
from ai_on_eks.placement.search import Search
from ai_on_eks.placement.types import Candidate, Placement, Plan

CATALOG = load_catalog("us-east-1")
ZONES = ("us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d")
PLATFORM = Platform(name="any", region="us-east-1", network=Network(availability_zones=ZONES))
OFFERED = sorted(
    name
    for name, one in CATALOG.instance_types.items()
    if one.served and set(CATALOG.zones(name, "us-east-1")) & set(ZONES) and (one.accelerator or one.vcpus <= 16)
)
DENSE = """
name: dense
kind: foundation
source: {uri: hf://organisation/dense, format: safetensors}
architecture: {family: transformer, parameters: 1000000000}
"""

few_types = st.lists(st.sampled_from(OFFERED), min_size=1, max_size=6, unique=True)
policies = st.sampled_from(list(Policy))


@st.composite
def demands(draw: st.DrawFn) -> Descriptor:
    """A decoder of any size under any load."""
    body = validate(parse_yaml(DENSE, "dense.yaml"), Descriptor)
    parameters = draw(st.sampled_from([10**9, 8 * 10**9, 70 * 10**9, 400 * 10**9]))
    architecture = body.architecture.model_copy(update={"parameters": parameters})
    serving: dict[str, Any] = {
        "context_tokens": draw(st.sampled_from([1024, 8192, 65_536])),
        "minimum_replicas": draw(st.sampled_from([1, 2, 3])),
        "spare_replicas": draw(st.sampled_from([0, 1])),
        "zones": draw(st.sampled_from([1, 2])),
    }
    if draw(st.booleans()):
        serving["requests_per_second"] = draw(st.sampled_from([0.05, 1.0, 20.0]))
    else:
        serving["concurrency"] = draw(st.sampled_from([1, 8, 100]))
    targets = {"tpot_ms": draw(st.sampled_from([None, 20.0, 100.0])), "ttft_ms": draw(st.sampled_from([None, 2000.0]))}
    described = body.model_copy(update={"architecture": architecture})
    return with_targets(with_serving(described, **serving), **targets)


def planned(descriptor: Descriptor, catalog: Catalog, platform: Platform, policy: Policy | None = None) -> Plan:
    return plan_model(descriptor, build_inventory(descriptor), catalog, platform, policy=policy)


def brute_force(descriptor: Descriptor, catalog: Catalog, platform: Platform) -> list[Placement]:
    """Every candidate, every rule."""
    requirements = resolve(descriptor, build_inventory(descriptor), platform)
    engines, _rejected = engines_for(descriptor, catalog)
    search = Search(requirements, catalog)
    outcomes = [search.judge(one) for one in candidates(catalog, engines, requirements.inventory)]
    return [outcome for outcome in outcomes if isinstance(outcome, Placement)]


@settings(max_examples=30)
@given(descriptor=demands(), names=few_types, policy=policies)
def test_given_any_small_catalogue_then_the_choice_is_the_first_of_all_that_brute_force_accepts(
    descriptor: Descriptor, names: list[str], policy: Policy
) -> None:
    few = only(CATALOG, names)
    found = brute_force(descriptor, few, PLATFORM)
    order = order_of(policy, descriptor.serving.output_tokens)
    plan = planned(descriptor, few, PLATFORM, policy)
    assert plan.chosen == (min(found, key=order) if found else None)
    assert list(plan.accepted) == sorted(found, key=order)


@settings(max_examples=30)
@given(descriptor=demands(), names=few_types)
def test_given_alternatives_then_nothing_that_is_accepted_beats_one_of_them(
    descriptor: Descriptor, names: list[str]
) -> None:
    plan = planned(descriptor, only(CATALOG, names), PLATFORM)
    output_tokens = descriptor.serving.output_tokens

    def figures(placement: Placement) -> tuple[float, float, float]:
        cost = float("inf") if placement.usd_per_hour is None else placement.usd_per_hour
        return cost, latency_ms(placement, output_tokens), -throughput(placement)

    for alternative in plan.alternatives:
        mine = figures(alternative)
        for other in plan.accepted:
            theirs = figures(other)
            assert not (all(a <= b for a, b in zip(theirs, mine, strict=True)) and theirs != mine)


@settings(max_examples=20)
@given(descriptor=demands(), names=few_types, seed=st.randoms(use_true_random=False))
def test_given_a_shuffled_catalogue_then_the_plan_is_the_same(
    descriptor: Descriptor, names: list[str], seed: Any
) -> None:
    shuffled = list(names)
    seed.shuffle(shuffled)
    assert planned(descriptor, only(CATALOG, shuffled), PLATFORM) == planned(descriptor, only(CATALOG, names), PLATFORM)


@settings(max_examples=30)
@given(descriptor=demands(), names=few_types)
def test_given_a_choice_then_it_passes_every_rule_again(descriptor: Descriptor, names: list[str]) -> None:
    few = only(CATALOG, names)
    requirements = resolve(descriptor, build_inventory(descriptor), PLATFORM)
    for placement in planned(descriptor, few, PLATFORM).accepted:
        candidate = Candidate(placement.instance_type, placement.engine, placement.division)
        assert [one.name for one in CANDIDATE_RULES if one.check(candidate, requirements, few) is not None] == []
        assert [one.name for one in PLACEMENT_RULES if one.check(placement, requirements) is not None] == []
        assert placement.memory.fits


TIGHTER: tuple[tuple[str, dict[str, Any]], ...] = (
    ("serving", {"minimum_replicas": 4}),
    ("serving", {"spare_replicas": 2}),
    ("serving", {"zones": 3}),
    ("serving", {"context_tokens": 100_000}),
    ("constraints", {"instance_families": ("g6e", "p5", "inf2")}),
    ("constraints", {"accelerators": ("l40s", "h100", "inferentia2")}),
    ("constraints", {"engines": ("vllm",)}),
)


@pytest.mark.parametrize(("part", "change"), TIGHTER)
@settings(max_examples=8)
@given(descriptor=demands())
def test_given_a_tighter_demand_then_the_price_is_not_lower(
    part: str, change: dict[str, Any], descriptor: Descriptor
) -> None:
    tighten = with_serving if part == "serving" else with_constraints
    before = planned(descriptor, CATALOG, PLATFORM).chosen
    after = planned(tighten(descriptor, **change), CATALOG, PLATFORM).chosen
    if after is not None and after.usd_per_hour is not None:
        assert before is not None
        assert before.usd_per_hour is not None
        assert before.usd_per_hour <= after.usd_per_hour


@settings(max_examples=15)
@given(descriptor=demands(), names=few_types)
def test_given_only_what_can_be_rendered_then_the_price_is_not_lower_and_the_cheaper_is_warned_of(
    descriptor: Descriptor, names: list[str]
) -> None:
    few = only(CATALOG, names)
    anything = planned(descriptor, few, PLATFORM).chosen
    rendered_only = PLATFORM.model_copy(update={"engines": PlannedEngines.RENDERED})
    plan = planned(descriptor, few, rendered_only)
    if plan.chosen is None or plan.chosen.usd_per_hour is None:
        return
    assert anything is not None
    assert anything.usd_per_hour is not None
    assert anything.usd_per_hour <= plan.chosen.usd_per_hour
    saves = [warning for warning in plan.warnings if "would save" in warning]
    assert bool(saves) is (anything.usd_per_hour < plan.chosen.usd_per_hour)
