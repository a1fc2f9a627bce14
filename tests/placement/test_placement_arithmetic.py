"""Whatever is asked, the figures of every accepted placement add up."""

from __future__ import annotations

import random

import pytest
from placement_changes import with_constraints, with_serving

from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import CapacityType, Descriptor, Kind, Targets
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Placement
from ai_on_eks.units import ceil_div


@pytest.mark.parametrize("seed", range(24))
def test_given_any_demand_when_planned_then_every_placement_holds_and_pays_for_it(
    seed: int, models: dict[str, Descriptor], catalog: Catalog, platform: Platform
) -> None:
    descriptor = _demand(random.Random(seed), models)  # noqa: S311 - a choice, no secret
    plan = plan_model(descriptor, build_inventory(descriptor), catalog, platform)

    for placement in plan.accepted:
        _holds_on_the_node(placement)
        _carries_the_load(placement, descriptor, keeps_cache=bool(plan.inventory.states))
        price = placement.instance_type.price
        each = ceil_div(placement.replicas, placement.replicas_per_node)
        assert placement.nodes == each * placement.nodes_per_replica
        assert each >= min(2, descriptor.serving.minimum_replicas)
        if price is None:
            assert placement.usd_per_hour is None
        else:
            assert placement.usd_per_hour == pytest.approx(placement.nodes * price.usd_per_hour, abs=1e-6)


def _demand(choose: random.Random, models: dict[str, Descriptor]) -> Descriptor:
    descriptor = choose.choice([models[name] for name in sorted(models)])
    wanted = choose.choice([None, 1.0, 50.0, 2000.0])
    generates = descriptor.kind is Kind.FOUNDATION
    descriptor = with_serving(
        descriptor,
        concurrency=choose.choice([1, 2, 7, 64, 1000, 100_000]),
        minimum_replicas=choose.choice([1, 2, 3, 17]),
        memory_fraction=choose.choice([None, 0.5, 0.98]),
        batch=choose.choice([1, 8, 256]),
        output_tokens=choose.choice([1, 16]),
        context_tokens=choose.choice([16, 512, 16384]) if generates else descriptor.serving.context_tokens,
        targets=Targets(output_tokens_per_second=wanted) if generates else Targets(items_per_second=wanted),
    )
    return with_constraints(descriptor, capacity_type=choose.choice(list(CapacityType)))


def _holds_on_the_node(placement: Placement) -> None:
    instance_type = placement.instance_type
    reserved_millicores, reserved_bytes = reserved_by_daemonsets(instance_type)
    together = min(placement.replicas, placement.replicas_per_node)
    memory_bytes, millicores = placement.memory.host.memory_bytes, placement.cpu_request_millicores
    assert together * memory_bytes <= instance_type.allocatable_memory_bytes - reserved_bytes
    assert together * millicores <= instance_type.allocatable_cpu_millicores - reserved_millicores
    assert (
        together * placement.accelerators_per_replica <= instance_type.accelerator_count * placement.nodes_per_replica
    )


def _carries_the_load(placement: Placement, descriptor: Descriptor, *, keeps_cache: bool) -> None:
    serving, estimates = descriptor.serving, placement.estimates
    replicas, sequences = placement.replicas, placement.sequences_per_replica
    assert replicas >= serving.minimum_replicas
    assert placement.memory.fits
    assert placement.headroom_bytes >= 0
    if keeps_cache:
        assert replicas * sequences >= serving.concurrency
        assert placement.memory.rank.kv_cache_tokens >= sequences * placement.max_model_len
    busy = min(replicas * sequences, serving.concurrency) / sequences
    for wanted, estimated in (
        (serving.targets.items_per_second, estimates.items_per_s),
        (serving.targets.output_tokens_per_second, estimates.output_tokens_per_s),
    ):
        if wanted is not None:
            assert estimated is not None
            assert busy * estimated >= wanted * (1 - 1e-9)
