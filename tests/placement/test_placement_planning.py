"""The plan as a whole: the cheapest that works, a total order, nothing lost."""

from __future__ import annotations

import random

import pytest
from placement_changes import only, with_constraints, with_serving, with_targets, with_zones

from ai_on_eks.catalog.loading import Catalog, load_catalog
from ai_on_eks.cli.targets import RULES_OF_A_TARGET
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import CapacityType, Descriptor, Targets
from ai_on_eks.performance.machine import Division
from ai_on_eks.placement.candidates import SUPERSEDED_RULE, candidates, engines_for, running_engine
from ai_on_eks.placement.nearness import RULE_ORDER
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.ranking import cost_order
from ai_on_eks.placement.requirements import resolve
from ai_on_eks.placement.rules import CANDIDATE_RULES, FEWEST_NODES_RULE, MEMORY_RULE, PLACEMENT_RULES
from ai_on_eks.placement.search import Search
from ai_on_eks.placement.types import ANY_ENGINE, UNDIVIDED, Candidate, Placement, Plan, Rejection
from ai_on_eks.units import ceil_div

MODELS = ("bge-large-en-v1-5", "llama-3-1-8b-instruct", "llama-3-3-70b-instruct", "resnet-50")


def planned(descriptor: Descriptor, catalog: Catalog, platform: Platform) -> Plan:
    return plan_model(descriptor, build_inventory(descriptor), catalog, platform)


def chosen(plan: Plan) -> Placement:
    assert plan.chosen is not None
    return plan.chosen


def covers(rejection: Rejection, candidate: Candidate) -> bool:
    """Is this rejection the candidate's, or one of all candidates of its type or engine?"""
    if rejection.instance_type != candidate.instance_type.name:
        return False
    if rejection.engine not in (ANY_ENGINE, candidate.engine.name):
        return False
    is_one_of_many_nodes = rejection.rule == FEWEST_NODES_RULE and candidate.division.nodes >= rejection.division.nodes
    return rejection.tensor_parallel == 0 or rejection.division == candidate.division or is_one_of_many_nodes


def same_way(placement: Placement, candidate: Candidate) -> bool:
    found = (placement.instance_type, placement.engine, placement.division)
    return found == (candidate.instance_type, running_engine(candidate), candidate.division)


@pytest.mark.parametrize("name", MODELS)
def test_every_candidate_ends_as_brute_force_says(
    name: str, models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    # GIVEN one of the shipped models, and every rule asked of every candidate
    descriptor = models[name]
    few = only(catalog, [one for one in catalog.instance_types if one.startswith(("g5", "g6e", "inf2", "p5", "m7i.4"))])
    requirements = resolve(descriptor, build_inventory(descriptor), platform)
    engines, rejected_engines = engines_for(descriptor, few)
    one_by_one = Search(requirements, few)

    # WHEN it is planned
    plan = planned(descriptor, few, platform)

    # THEN each candidate has one outcome, and it is the same
    for candidate in candidates(few, engines, requirements.inventory):
        placed = [placement for placement in plan.accepted if same_way(placement, candidate)]
        rejected = [rejection for rejection in plan.rejected if covers(rejection, candidate)]
        judged = one_by_one.judge(candidate)
        if isinstance(judged, Placement):
            assert placed == [judged]
            assert rejected == []
        else:
            assert placed == []
            assert {(one.rule, one.violation) for one in rejected} == {(judged.rule, judged.violation)}
    assert len(rejected_engines) == len(catalog.engines) - len(engines)


@pytest.mark.parametrize("name", MODELS)
def test_the_choice_is_the_cheapest_of_all_that_every_rule_accepts(
    name: str, models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    plan = planned(models[name], catalog, platform)
    assert plan.accepted[0] is chosen(plan)
    assert list(plan.accepted) == sorted(plan.accepted, key=cost_order)
    assert set(map(id, plan.alternatives)) <= set(map(id, plan.accepted[1:]))


@pytest.mark.parametrize("name", MODELS)
def test_the_choice_passes_every_rule_again(
    name: str, models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    descriptor = models[name]
    placement = chosen(planned(descriptor, catalog, platform))
    requirements = resolve(descriptor, build_inventory(descriptor), platform)
    assert [rule.name for rule in PLACEMENT_RULES if rule.check(placement, requirements) is not None] == []
    assert placement.memory.fits
    assert placement.headroom_bytes >= 0


def test_the_order_of_the_catalogue_does_not_matter(llama: Descriptor, catalog: Catalog, platform: Platform) -> None:
    names = list(catalog.instance_types)
    plan = planned(llama, catalog, platform)
    for seed in range(3):
        random.Random(seed).shuffle(names)  # noqa: S311 - a shuffle, no secret
        assert planned(llama, only(catalog, names), platform) == plan


def test_the_order_is_total(llama: Descriptor, catalog: Catalog, platform: Platform) -> None:
    plan = planned(llama, catalog, platform)
    keys = [cost_order(placement) for placement in plan.accepted]
    assert len(set(keys)) == len(keys)


def test_every_rejection_names_a_known_rule_and_a_reason(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    for descriptor in models.values():
        for rejection in planned(descriptor, catalog, platform).rejected:
            assert rejection.rule in RULE_ORDER
            assert len(rejection.reason) > 10


def test_replicas_share_the_load(llama: Descriptor, catalog: Catalog, platform: Platform) -> None:
    # GIVEN an accelerator that holds some of 16 sequences of 16,384 tokens, not all
    placement = chosen(planned(llama, only(catalog, ["g6e.xlarge"]), platform))

    # THEN enough replicas are planned that together they hold all
    assert placement.replicas > 1
    assert placement.sequences_per_replica * placement.replicas >= llama.serving.concurrency
    held = placement.memory.rank.kv_cache_tokens // placement.max_model_len
    assert held >= placement.sequences_per_replica
    assert ceil_div(llama.serving.concurrency, held) == placement.replicas
    assert placement.nodes == placement.replicas


def test_replicas_share_a_node_with_several_accelerators(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    plan = planned(llama, only(catalog, ["g6e.12xlarge"]), platform)
    by_degree = {p.tensor_parallel: p for p in plan.accepted if p.pipeline_parallel == 1}
    assert by_degree[1].replicas_per_node == 4
    assert by_degree[1].nodes == 1
    assert by_degree[4].replicas_per_node == 1


@pytest.mark.parametrize(
    ("instance_type", "tensor_parallel", "rule", "part"),
    [
        ("g6f.large", 1, "not-served", "nvidia.com/gpu"),
        ("g4dn.xlarge", 1, "precision-support", "bf16 needs compute capability 8.0, NVIDIA T4 has 7.5"),
        ("g6e.12xlarge", 3, "tensor-parallel", "32 attention heads do not divide by tensor parallelism 3"),
        ("inf2.xlarge", 1, "engine-accelerator", "has no build for AWS Inferentia2"),
        ("m7i.4xlarge", 1, "engine-accelerator", "CPU"),
        ("m8g.4xlarge", 1, "engine-accelerator", "CPU"),
        ("inf1.xlarge", 1, "not-served", "Neuron SDK"),
    ],
)
def test_rejections_of_llama_8b(
    llama: Descriptor,
    catalog: Catalog,
    platform: Platform,
    instance_type: str,
    tensor_parallel: int,
    rule: str,
    part: str,
) -> None:
    zones = catalog.zones(instance_type, platform.region)
    plan = planned(llama, only(catalog, [instance_type]), with_zones(platform, platform.region, zones))
    rejection = next(
        r
        for r in plan.rejected
        if r.instance_type == instance_type
        and r.engine in (ANY_ENGINE, "vllm")
        and r.division in (UNDIVIDED, Division(tensor_parallel=tensor_parallel))
    )
    assert rejection.rule == rule
    assert part in rejection.reason


def test_an_image_its_publisher_calls_experimental_is_not_used(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    plan = planned(models["bge-large-en-v1-5"], only(catalog, ["g4dn.xlarge"]), platform)
    rejection = next(r for r in plan.rejected if (r.instance_type, r.engine) == ("g4dn.xlarge", "tei"))
    assert rejection.rule == "engine-accelerator"
    assert "experimental" in rejection.reason


def test_a_feed_forward_width_that_does_not_divide_is_rejected(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    # GIVEN a model whose heads divide by 4 and whose feed-forward layers do not
    config = {**(llama.architecture.config or {}), "intermediate_size": 14338}  # type: ignore[dict-item] # a mapping here
    odd = llama.model_copy(update={"architecture": llama.architecture.model_copy(update={"config": config})})
    plan = planned(odd, only(catalog, ["g6e.12xlarge"]), platform)
    rejection = next(r for r in plan.rejected if (r.instance_type, r.tensor_parallel) == ("g6e.12xlarge", 4))
    assert (rejection.rule, rejection.reason) == (
        "feed-forward-width",
        "a feed-forward width of 14,338 does not divide by tensor parallelism 4",
    )
    assert {placement.tensor_parallel for placement in plan.accepted} == {1, 2}


def test_memory_rejections_tell_the_shortfall(llama: Descriptor, catalog: Catalog, platform: Platform) -> None:
    # GIVEN a context whose cache does not fit beside the weights on one A10G
    longer = with_serving(llama, context_tokens=65536)
    plan = planned(longer, only(catalog, ["g5.xlarge"]), platform)
    rejection = next(r for r in plan.rejected if r.rule == MEMORY_RULE)
    assert "for one sequence of 65,536 tokens" in rejection.reason
    assert rejection.shortfall is not None
    assert float(rejection.shortfall.removesuffix(" GiB")) > 0
    assert all(placement.nodes_per_replica > 1 for placement in plan.accepted)


def test_a_type_outside_the_platforms_zones_is_rejected(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    offered = set(catalog.zones("p5.48xlarge", platform.region))
    others = sorted({zone for t in catalog.instance_types for zone in catalog.zones(t, platform.region)} - offered)
    plan = planned(llama, only(catalog, ["p5.48xlarge"]), with_zones(platform, platform.region, tuple(others[:2])))
    assert {r.rule for r in plan.rejected} == {"engine-model", "region-offering", SUPERSEDED_RULE}


def test_a_price_ceiling_below_the_cheapest_leaves_nothing(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    # GIVEN the cheapest placement's price
    cheapest = chosen(planned(llama, catalog, platform)).usd_per_hour
    assert cheapest is not None

    # WHEN the ceiling is a cent lower
    plan = planned(with_constraints(llama, max_usd_per_hour=cheapest - 0.01), catalog, platform)

    # THEN nothing fits, and the nearest miss says by how much
    assert plan.chosen is None
    misses = [r for r in plan.rejected if r.rule == "price-ceiling"]
    assert min(float((r.shortfall or "").removesuffix(" $/h")) for r in misses) == pytest.approx(0.01)


@pytest.mark.parametrize(
    "changes",
    [{"concurrency": 32}, {"context_tokens": 32768}, {"minimum_replicas": 3}, {"concurrency": 200}],
)
def test_asking_for_more_never_costs_less(
    changes: dict[str, int], llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    before = chosen(planned(llama, catalog, platform)).usd_per_hour
    after = chosen(planned(with_serving(llama, **changes), catalog, platform)).usd_per_hour
    assert before is not None
    assert after is not None
    assert after >= before


def test_a_latency_target_that_one_sequence_misses_rejects(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    plan = planned(with_targets(llama, tpot_ms=10.0), catalog, platform)
    assert any(r.rule == "latency-target" and r.instance_type == "g6e.xlarge" for r in plan.rejected)
    for placement in plan.accepted:
        assert placement.estimates.tpot_ms is not None
        assert placement.estimates.tpot_ms <= 10.0


def test_a_latency_target_that_fewer_sequences_meet_adds_replicas(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    # GIVEN one replica that holds all sequences, and writes too slowly while it does
    few = only(catalog, ["p5.4xlarge"])
    before = chosen(planned(llama, few, platform))
    assert before.replicas == 1
    assert before.estimates.tpot_ms is not None

    # WHEN the target is below that
    after = chosen(planned(with_targets(llama, tpot_ms=before.estimates.tpot_ms * 0.7), few, platform))

    # THEN replicas share the load, and one fewer would miss the target
    assert after.replicas > 1
    assert after.estimates.tpot_ms is not None
    assert after.estimates.tpot_ms <= before.estimates.tpot_ms * 0.7
    assert (after.replicas - 1) * after.sequences_per_replica < llama.serving.concurrency


def test_a_throughput_target_adds_replicas(models: dict[str, Descriptor], catalog: Catalog, platform: Platform) -> None:
    resnet = models["resnet-50"]
    catalog = only(catalog, ["g5.xlarge"])
    one = chosen(planned(with_targets(resnet, items_per_second=1.0), catalog, platform))
    assert one.replicas == 1
    assert one.estimates.items_per_s is not None
    wanted = one.estimates.items_per_s * 2.5
    assert chosen(planned(with_targets(resnet, items_per_second=wanted), catalog, platform)).replicas == 3


def offering(instance_type: str) -> tuple[Catalog, tuple[str, ...]]:
    """The first region that offers a type, as its catalogue and the zones."""
    region = next(r for r in load_catalog("us-east-1").regions if load_catalog(r).zones(instance_type, r))
    return load_catalog(region), load_catalog(region).zones(instance_type, region)


def test_what_has_no_on_demand_price_is_not_ranked_at_zero(llama: Descriptor, platform: Platform) -> None:
    catalog, zones = offering("p5e.48xlarge")
    plan = planned(llama, only(catalog, ["p5e.48xlarge"]), with_zones(platform, catalog.region, zones))
    assert plan.chosen is None
    assert {r.rule for r in plan.rejected} == {"engine-model", "purchase-route", SUPERSEDED_RULE}


def test_a_capacity_block_has_no_price_and_is_ranked_last(llama: Descriptor, platform: Platform) -> None:
    catalog, zones = offering("p5e.48xlarge")
    block = with_constraints(llama, capacity_type=CapacityType.CAPACITY_BLOCK)
    plan = planned(block, only(catalog, ["p5e.48xlarge"]), with_zones(platform, catalog.region, zones))
    assert chosen(plan).usd_per_hour is None
    assert cost_order(chosen(plan))[0] == float("inf")
    assert "p5e.48xlarge has no on-demand price: Capacity Block or spot" in plan.warnings


def test_a_region_without_prices_says_whose_prices_are_shown(llama: Descriptor, platform: Platform) -> None:
    catalog = load_catalog("eu-central-1")
    zones = catalog.zones("g5.2xlarge", "eu-central-1")
    plan = planned(llama, catalog, with_zones(platform, "eu-central-1", zones))
    assert any("eu-central-1" in warning and "us-east-1" in warning for warning in plan.warnings)


def test_no_engine_for_the_format_is_one_rejection_per_engine(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    resnet = models["resnet-50"]
    source = resnet.source.model_copy(update={"format": type(resnet.source.format)("gguf")})
    plan = planned(resnet.model_copy(update={"source": source}), catalog, platform)
    assert plan.chosen is None
    assert all(isinstance(r, Rejection) and r.rule in ("engine-model", SUPERSEDED_RULE) for r in plan.rejected)
    assert any("source.format onnx" in r.reason and ", not gguf" in r.reason for r in plan.rejected)


@pytest.mark.parametrize("wanted", [100.0, 300.0, 1000.0, 3000.0])
def test_all_replicas_together_reach_the_tokens_per_second_asked_for(
    wanted: float, llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    # GIVEN more than one replica is needed, so that each runs fewer sequences and gives less than one alone would
    descriptor = with_targets(llama, output_tokens_per_second=wanted)
    plan = planned(descriptor, catalog, platform)

    # THEN every placement reaches the target with the sequences that are in flight, and with no replica too many
    for placement in plan.accepted:
        assert placement.estimates.output_tokens_per_s is not None
        rate = placement.estimates.output_tokens_per_s / placement.sequences_per_replica
        assert min(placement.replicas * placement.sequences_per_replica, llama.serving.concurrency) * rate >= wanted


def test_no_replica_is_planned_that_the_target_does_not_need(
    llama: Descriptor, catalog: Catalog, platform: Platform
) -> None:
    # GIVEN what 1, 2, 3 … replicas give together
    catalog = only(catalog, ["p5.4xlarge"])

    def total(replicas: int) -> float:
        placement = chosen(planned(with_serving(llama, minimum_replicas=replicas), catalog, platform))
        assert placement.replicas == replicas
        rate = placement.estimates.output_tokens_per_s
        assert rate is not None
        return llama.serving.concurrency / placement.sequences_per_replica * rate

    # THEN a target just met by a number of replicas plans that number, and one just missed the next that helps
    for replicas in (2, 4, 8):
        asked = with_targets(llama, output_tokens_per_second=total(replicas) * 0.999)
        assert chosen(planned(asked, catalog, platform)).replicas == replicas
        more = with_targets(llama, output_tokens_per_second=total(replicas) * 1.001)
        assert chosen(planned(more, catalog, platform)).replicas > replicas


def test_a_throughput_that_the_load_cannot_make_is_rejected(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    # GIVEN 16 sequences in flight, of which nobody gets a million tokens per second
    plan = planned(with_targets(models[MODELS[1]], output_tokens_per_second=1e6), catalog, platform)

    # THEN nothing is planned, and the nearest miss says what the load would have to be
    assert plan.chosen is None
    assert plan.rejected[0].rule == "throughput-target"
    assert "16 in flight" in plan.rejected[0].reason
    assert "1,000,000" in plan.rejected[0].reason


def test_rejections_stand_nearest_miss_first(llama: Descriptor, catalog: Catalog, platform: Platform) -> None:
    # GIVEN a latency that nothing reaches
    plan = planned(with_targets(llama, tpot_ms=1.0), catalog, platform)

    # THEN what passed every other rule stands first, the smallest shortfall before the larger ones
    missed = [r for r in plan.rejected if r.rule == "latency-target"]
    assert list(plan.rejected[: len(missed)]) == missed
    assert len(missed) > 50
    shortfalls = [float((r.shortfall or "").removesuffix(" ms")) for r in missed]
    assert shortfalls == sorted(shortfalls)
    engines = [r for r in plan.rejected if r.rule in ("engine-model", SUPERSEDED_RULE)]
    assert list(plan.rejected[-len(engines) :]) == sorted(engines, key=lambda r: r.rule)


def test_a_processor_chosen_by_price_alone_is_said(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    # GIVEN an image model that asks for no speed
    resnet = with_serving(models["resnet-50"], targets=Targets())
    plan = planned(resnet, catalog, platform)

    # THEN the cheapest node is chosen, and the plan says how slow it is
    assert chosen(plan).instance_type.accelerator is None
    assert [w for w in plan.warnings if "by price alone" in w and "a batch of 32 takes 11.1 s" in w]
    assert not [w for w in planned(models["resnet-50"], catalog, platform).warnings if "price alone" in w]


def test_a_batch_is_estimated_as_full_as_the_load_makes_it(
    models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    # GIVEN 64 images in flight on 8 replicas: batches of 8, where 32 would be allowed
    catalog = only(catalog, ["g5.xlarge"])
    full = chosen(planned(models["resnet-50"], catalog, platform))
    shared = chosen(planned(with_serving(models["resnet-50"], minimum_replicas=8), catalog, platform))
    assert (full.sequences_per_replica, shared.sequences_per_replica) == (32, 8)
    assert full.estimates.ttft_ms is not None
    assert shared.estimates.ttft_ms == pytest.approx(
        full.estimates.ttft_ms / 4, rel=0.15
    )  # what a step costs does not shrink
    assert shared.memory.rank.activation_bytes == full.memory.rank.activation_bytes


def test_every_rule_that_the_command_knows_by_name_exists() -> None:
    assert {rule.name for rule in CANDIDATE_RULES} >= RULES_OF_A_TARGET
