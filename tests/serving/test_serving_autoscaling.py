"""Between how many replicas a model runs, by what, and what is refused where nothing would do it."""

from __future__ import annotations

from typing import Any

import promql_parser
import pytest
from msgspec.structs import replace
from serving_plans import IMAGES, PLATFORM, bge, llama, llama_70b, resnet

from ai_on_eks.descriptors.platform import Capacity, CapacityStrategy, Cluster, Platform
from ai_on_eks.descriptors.platform_add_ons import AddOns
from ai_on_eks.descriptors.platform_autoscaling import Autoscaling, AutoscalingKind
from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind
from ai_on_eks.descriptors.schema import Serving, Targets
from ai_on_eks.errors import InputError
from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import build_workload

WORKSPACE = "ws-12345678-abcd-4bcd-9abc-123456789012"
BY_LOAD: dict[str, Any] = {
    "autoscaling": Autoscaling(kind=AutoscalingKind.BY_LOAD),
    "capacity": Capacity(strategy=CapacityStrategy.KARPENTER),
    "cluster": Cluster(add_ons=AddOns(metrics_server=True)),
    "monitoring": Monitoring(kind=MonitoringKind.IN_CLUSTER),
}


def built(plan: Plan, **changes: Any) -> Workload:
    return build_workload(plan, PLATFORM.model_copy(update={**BY_LOAD, **changes}), IMAGES)


def problems(plan: Plan, platform: Platform) -> list[tuple[str, str | None]]:
    with pytest.raises(InputError) as raised:
        build_workload(plan, platform, IMAGES)
    return [(problem.code, problem.path) for problem in raised.value.problems]


def signals(workload: Workload) -> dict[str, tuple[str, float, bool]]:
    assert workload.autoscaling is not None
    return {one.name: (one.query, one.target, one.is_divided) for one in workload.autoscaling.signals}


def test_the_range_is_the_plan_s_and_the_planned_load_gives_the_planned_replicas() -> None:
    workload = built(llama_70b(serving=Serving(maximum_replicas=5)))
    found = workload.autoscaling
    assert found is not None
    assert (found.least, found.planned, found.most, workload.most_replicas) == (1, 2, 5, 5)
    query, target, is_divided = signals(workload)["demand"]
    # GIVEN the load that was planned: four sequences at each of two replicas
    assert is_divided
    assert 2 * 4 / target == workload.replicas
    where = '{namespace="models", model=~"llama-70b"}'
    assert query == (
        f"sum by (model) (vllm:num_requests_running{where}) + sum by (model) (vllm:num_requests_waiting{where})"
    )


def test_a_full_cache_and_a_late_first_token_ask_for_more_whatever_the_number_of_replicas() -> None:
    slow = built(llama(serving=Serving(maximum_replicas=3, targets=Targets(ttft_ms=800))))
    found = signals(slow)
    assert found["cache"][1:] == (0.85, False)
    assert found["first-token"][1:] == (0.8, False)
    assert "first-token" not in signals(built(llama(serving=Serving(maximum_replicas=3))))


def test_an_engine_that_tells_of_its_queue_alone_is_held_by_what_it_answers() -> None:
    plan = bge(serving=Serving(maximum_replicas=3))
    assert plan.chosen is not None
    estimated = replace(plan, chosen=replace(plan.chosen, estimates=Estimates(None, None, None, 450.0, "roofline")))
    found = signals(built(estimated))
    assert set(found) == {"waiting", "finished"}
    assert found["finished"][1:] == (450.0, True)
    assert "te_request_success" in found["finished"][0]


@pytest.mark.parametrize("plan", [llama(serving=Serving(maximum_replicas=3, targets=Targets(ttft_ms=800))), bge()])
def test_every_query_is_promql_with_one_value(plan: Plan) -> None:
    serving = plan.descriptor.serving.model_copy(update={"maximum_replicas": 3})
    workload = built(replace(plan, descriptor=plan.descriptor.model_copy(update={"serving": serving})))
    for query, _, _ in signals(workload).values():
        promql_parser.parse(query)
        assert 'model=~"' in query
        assert "sum by (model" in query or "max by (model" in query


def test_models_on_processors_are_scaled_by_their_use() -> None:
    workload = built(resnet(), monitoring=Monitoring())
    assert workload.autoscaling is not None
    assert not workload.autoscaling.by_metrics
    assert (workload.autoscaling.least, workload.autoscaling.most) == (1, 3)


@pytest.mark.parametrize(
    ("monitoring", "address", "region"),
    [
        (
            Monitoring(kind=MonitoringKind.IN_CLUSTER),
            "http://kube-prometheus-stack-prometheus.monitoring.svc:9090",
            None,
        ),
        (Monitoring(kind=MonitoringKind.MANAGED), None, "us-east-1"),
        (
            Monitoring(kind=MonitoringKind.MANAGED, existing_workspace=WORKSPACE),
            f"https://aps-workspaces.us-east-1.amazonaws.com/workspaces/{WORKSPACE}",
            "us-east-1",
        ),
    ],
)
def test_metrics_are_asked_for_where_they_are_kept(
    monitoring: Monitoring, address: str | None, region: str | None
) -> None:
    found = built(llama(serving=Serving(maximum_replicas=3)), monitoring=monitoring).autoscaling
    assert found is not None
    assert (found.address, found.region) == (address, region)


@pytest.mark.parametrize(
    ("plan", "changes"),
    [
        (llama(serving=Serving(maximum_replicas=3)), {"autoscaling": Autoscaling()}),
        (llama(), {}),
    ],
    ids=["not asked for", "one replica at least and at most"],
)
def test_otherwise_the_number_is_fixed(plan: Plan, changes: dict[str, Any]) -> None:
    workload = built(plan, **changes)
    assert workload.autoscaling is None
    assert workload.most_replicas == workload.replicas


def test_replicas_that_may_come_are_spread_like_those_that_are_there() -> None:
    assert "topologySpreadConstraints" not in built(llama()).pod_spec
    assert "topologySpreadConstraints" in built(llama(serving=Serving(maximum_replicas=3))).pod_spec


def test_an_engine_that_tells_nothing_keeps_its_replicas_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ai_on_eks.serving.autoscaling.signals.waiting", lambda *_: None)
    workload = built(llama(serving=Serving(maximum_replicas=3)))
    assert workload.autoscaling is None
    assert "llama-8b stays at 1 replicas: vllm tells nothing of its load" in workload.warnings


WANTED = Serving(maximum_replicas=3)


@pytest.mark.parametrize(
    ("plan", "changes", "code"),
    [
        (llama(serving=WANTED), {"monitoring": Monitoring()}, "autoscaling-without-metrics"),
        (resnet(), {"cluster": Cluster()}, "autoscaling-without-metrics"),
        (llama(serving=WANTED), {"capacity": Capacity()}, "autoscaling-without-nodes"),
    ],
)
def test_what_nothing_would_scale_is_refused(plan: Plan, changes: dict[str, Any], code: str) -> None:
    platform = PLATFORM.model_copy(update={**BY_LOAD, **changes})
    assert problems(plan, platform) == [(code, "serving.maximum_replicas")]
