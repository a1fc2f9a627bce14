from __future__ import annotations

import pytest
import serving_plans as plans
from msgspec.structs import replace

from ai_on_eks.catalog.schedulers import NEURON_SCHEDULER
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy
from ai_on_eks.errors import InputError
from ai_on_eks.placement.types import Placement, Plan
from ai_on_eks.serving.schedulers import scheduler_of
from ai_on_eks.serving.workload import build_workload

PLAN: Plan = next(iter(plans.ALL_PLANS.values()))


def on_neuron(devices: int, *, of: int = 12) -> Placement:
    placed = PLAN.chosen
    assert placed is not None
    device = replace(
        plans.L40S, name="inferentia2", vendor=Vendor.NEURON, resource_name="aws.amazon.com/neuron", cores=1
    )
    kind = replace(placed.instance_type, name="inf2.48xlarge", accelerator=device, accelerator_count=of)
    return replace(placed, instance_type=kind, tensor_parallel=devices, pipeline_parallel=1, nodes_per_replica=1)


@pytest.mark.parametrize("strategy", [CapacityStrategy.MANAGED_NODE_GROUPS, CapacityStrategy.KARPENTER])
def test_where_our_chart_brings_the_plugin_its_scheduler_places_every_pod_with_devices(
    strategy: CapacityStrategy,
) -> None:
    assert {scheduler_of(on_neuron(devices), strategy) for devices in (1, 4, 12)} == {NEURON_SCHEDULER}


def test_on_nodes_that_bring_the_plugin_no_pod_waits_for_a_scheduler_that_is_not_there() -> None:
    assert {scheduler_of(on_neuron(devices), CapacityStrategy.AUTO_MODE) for devices in (1, 12)} == {None}


def test_devices_that_nobody_keeps_together_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        scheduler_of(on_neuron(4), CapacityStrategy.AUTO_MODE)
    assert [problem.code for problem in caught.value.problems] == ["auto-mode-neuron-part"]


@pytest.mark.parametrize("strategy", CapacityStrategy)
def test_other_devices_are_the_clusters_own_schedulers(strategy: CapacityStrategy) -> None:
    assert PLAN.chosen is not None
    assert scheduler_of(PLAN.chosen, strategy) is None


def test_the_platforms_strategy_reaches_the_pod() -> None:
    automatic = plans.PLATFORM.model_copy(update={"capacity": Capacity(strategy=CapacityStrategy.AUTO_MODE)})
    plan = replace(PLAN, chosen=on_neuron(1))
    assert build_workload(plan, plans.PLATFORM, plans.IMAGES).pod_spec["schedulerName"] == NEURON_SCHEDULER
    assert "schedulerName" not in build_workload(plan, automatic, plans.IMAGES).pod_spec
