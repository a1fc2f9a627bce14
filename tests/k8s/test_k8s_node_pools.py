"""Would this repository's own models run on the nodes that Karpenter starts for them?"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from real_models import MODELS, real_capacity, real_platform, real_workload

from ai_on_eks.aws.node_groups import capacity_spec
from ai_on_eks.aws.node_strategies import NODE_OBJECTS
from ai_on_eks.catalog.daemonsets import reserved_by_daemonsets
from ai_on_eks.descriptors.platform import CapacityStrategy
from ai_on_eks.kube.scheduling import why_unschedulable

ANY_DISK_BYTES = 2**50


def _pool(model: str, strategy: CapacityStrategy) -> dict[str, Any]:
    spec = capacity_spec(real_capacity()[model], real_platform().network.availability_zones)
    objects = NODE_OBJECTS[strategy](real_platform(), [spec])
    found: dict[str, Any] = objects[f"NodePool-{spec.name}"]["spec"]["template"]
    return found


def _reasons(model: str, template: dict[str, Any]) -> tuple[str, ...]:
    """Against the only kind of node that the pool may start: its labels, its taints, what its type has free."""
    kind = real_capacity()[model].instance_type
    (type_,) = [
        one["values"] for one in template["spec"]["requirements"] if one["key"] == "node.kubernetes.io/instance-type"
    ]
    assert type_ == [kind.name]
    allocatable: dict[str, str | int] = {
        "cpu": f"{kind.allocatable_cpu_millicores}m",
        "memory": kind.allocatable_memory_bytes,
        "ephemeral-storage": ANY_DISK_BYTES,
    }
    if kind.accelerator is not None:
        allocatable[kind.accelerator.resource_name] = kind.accelerator_count
    labels = {**template["metadata"]["labels"], "node.kubernetes.io/instance-type": type_[0]}
    millicores, memory_bytes = reserved_by_daemonsets(kind)
    reserve: dict[str, str | int] = {"cpu": f"{millicores}m", "memory": memory_bytes}
    return why_unschedulable(real_workload(model).pod_spec, allocatable, labels, template["spec"]["taints"], reserve)


@pytest.mark.parametrize("strategy", NODE_OBJECTS)
@pytest.mark.parametrize("model", MODELS)
def test_the_pod_schedules_on_a_node_of_its_pool(model: str, strategy: CapacityStrategy) -> None:
    assert _reasons(model, _pool(model, strategy)) == ()


@pytest.mark.parametrize("strategy", NODE_OBJECTS)
@pytest.mark.parametrize("model", MODELS)
def test_the_pod_would_not_where_the_pools_taint_were_another(model: str, strategy: CapacityStrategy) -> None:
    template = deepcopy(_pool(model, strategy))
    template["spec"]["taints"][0]["key"] = "ai-on-eks/other"
    (reason,) = _reasons(model, template)
    assert "not tolerated" in reason


@pytest.mark.parametrize("strategy", NODE_OBJECTS)
@pytest.mark.parametrize("model", MODELS)
def test_every_label_a_pod_asks_for_is_one_the_strategy_sets(model: str, strategy: CapacityStrategy) -> None:
    """`why_unschedulable` compares values; this says that no key comes from another way of getting nodes."""
    required = real_workload(model).pod_spec["affinity"]["nodeAffinity"]
    (term,) = required["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    template = _pool(model, strategy)
    set_by_pool = {*template["metadata"]["labels"], *(one["key"] for one in template["spec"]["requirements"])}
    assert {one["key"] for one in term["matchExpressions"]} <= set_by_pool
