"""Alarms and signals: the expressions, and that nothing is asked of an engine that does not tell it."""

from __future__ import annotations

from typing import Any

import promql_parser
import pytest
from msgspec.structs import replace
from serving_monitored import PLATFORM, monitored

from ai_on_eks.descriptors.platform import Capacity, Reservation
from ai_on_eks.serving.monitoring import signals
from ai_on_eks.serving.monitoring.alerts import rule_groups
from ai_on_eks.serving.monitoring.dashboard import dashboard
from ai_on_eks.serving.types import Autoscaling

LLAMA = monitored("llama", engine="vllm", usd_per_hour=1.861)
QWEN = monitored("qwen", engine="vllm", usd_per_hour=3.5)
BGE = monitored("bge", engine="tei", usd_per_hour=None)
RESNET = monitored("resnet", engine="tensorflow-serving", usd_per_hour=None)


def rules(*workloads: Any) -> dict[str, dict[str, Any]]:
    groups = rule_groups(PLATFORM, workloads)
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_models_of_one_engine_are_asked_together_and_of_several_joined() -> None:
    assert signals.of_models(signals.waiting, [QWEN, LLAMA, BGE]) == (
        '(sum by (model) (te_queue_size{namespace="models", model=~"bge"})) or '
        '(sum by (model) (vllm:num_requests_waiting{namespace="models", model=~"llama|qwen"}))'
    )


def test_a_signal_that_no_engine_has_is_none() -> None:
    assert signals.of_models(signals.cache_share, [BGE]) is None
    assert signals.of_models(signals.waiting, []) is None


def test_latencies_are_quantiles_of_histograms() -> None:
    assert signals.of_models(signals.first_token_s, [LLAMA]) == (
        "histogram_quantile(0.95, sum by (model, le) "
        '(rate(vllm:time_to_first_token_seconds_bucket{namespace="models", model=~"llama"}[5m])))'
    )


def test_the_share_of_failures_has_no_value_without_requests() -> None:
    where = '{namespace="models", model=~"bge"}[5m]'
    failed, finished = (f"sum by (model) (rate(te_request_{kind}{where}))" for kind in ("failure", "success"))
    assert signals.of_models(signals.failed_share, [BGE]) == f"{failed} / ({failed} + {finished} > 0)"


def test_one_counter_of_several_outcomes_is_told_apart_by_its_labels() -> None:
    where = 'namespace="models", model=~"resnet"}[5m]'
    name = ":tensorflow:serving:request_count"
    finished = f'sum by (model) (rate({name}{{status="OK", {where}))'
    failed = (
        f'sum by (model) (rate({name}{{status=~"DEADLINE_EXCEEDED|INTERNAL|RESOURCE_EXHAUSTED|UNAVAILABLE", {where}))'
    )
    assert signals.of_models(signals.finished_per_s, [RESNET]) == finished
    assert signals.of_models(signals.failed_share, [RESNET]) == f"{failed} / ({failed} + {finished} > 0)"


def test_latencies_in_another_unit_are_told_in_seconds() -> None:
    assert signals.of_models(signals.whole_request_s, [RESNET]) == (
        "histogram_quantile(0.95, sum by (model, le) "
        '(rate(:tensorflow:serving:request_latency_bucket{namespace="models", model=~"resnet"}[5m]))) * 1e-06'
    )


def test_what_wakes_people() -> None:
    found = rules(LLAMA, BGE)
    assert set(found) == {
        "ModelQueue", "ModelCacheFull", "ModelErrors", "ModelMetricsMissing", "ModelPodPending", "ModelRestarts",
        "ModelUnavailable", "ModelGroupUnavailable", "GpuXidError", "GpuRowRemapFailed", "NeuronMemoryError",
        "NeuronExecutionErrors", "NodeImageOld",
    }  # fmt: skip
    assert found["ModelCacheFull"]["expr"].endswith("> 0.95")
    assert found["NodeImageOld"]["expr"] == "max by (node) (time() - kube_node_created) > 90 * 86400"
    assert found["ModelPodPending"]["for"] == "20m"
    assert {rule["labels"]["severity"] for rule in found.values()} == {"critical", "warning"}


def test_alarms_that_no_engine_of_the_models_could_raise_are_left_out() -> None:
    assert "ModelCacheFull" not in rules(BGE)
    assert "ModelErrors" not in rules(LLAMA)
    assert "ModelQueue" not in rules()


def test_what_a_model_costs_is_a_series_and_unknown_is_none() -> None:
    (costs,) = [group for group in rule_groups(PLATFORM, [QWEN, BGE, LLAMA]) if group["name"] == "ai-on-eks-costs"]
    assert costs["rules"] == [
        {"record": "ai_on_eks:model_usd_per_hour", "expr": "vector(1.861)", "labels": {"model": "llama"}},
        {"record": "ai_on_eks:model_usd_per_hour", "expr": "vector(3.5)", "labels": {"model": "qwen"}},
    ]
    assert [group["name"] for group in rule_groups(PLATFORM, [BGE])] == [
        "ai-on-eks-models",
        "ai-on-eks-pods",
        "ai-on-eks-accelerators",
        "ai-on-eks-nodes",
    ]


def test_every_expression_is_promql() -> None:
    groups = rule_groups(PLATFORM, [LLAMA, QWEN, BGE, RESNET])
    panels = dashboard(PLATFORM, [LLAMA, QWEN, BGE, RESNET])["panels"]
    expressions = [rule["expr"] for group in groups for rule in group["rules"]]
    expressions += [target["expr"] for panel in panels for target in panel["targets"]]
    assert len(expressions) > 20
    for expression in expressions:
        promql_parser.parse(expression)
    with pytest.raises(ValueError, match="unexpected right parenthesis"):
        promql_parser.parse(expressions[0] + ")")


def test_templates_are_prometheus_own() -> None:
    for rule in rules(LLAMA, QWEN, BGE).values():
        summary = rule["annotations"]["summary"]
        assert summary.count("{{ $") == summary.count("}}")


def test_people_hear_of_a_reservation_two_days_before_it_ends() -> None:
    reservation = Reservation(
        id="cr-0123456789abcdef0", instance_type="p5.48xlarge", count=2, zone="us-east-1a", ends="2026-12-01T11:30:00Z"
    )
    on = PLATFORM.model_copy(update={"capacity": Capacity(reservations=(reservation,))})
    (rule,) = [
        rule
        for group in rule_groups(on, [])
        for rule in group["rules"]
        if rule.get("alert", "").startswith("ReservationEnds")
    ]
    left = "vector(1796124600 - time())"
    assert rule["expr"] == f"{left} < 48 * 3600 and {left} > 0"
    assert "2 × p5.48xlarge of cr-0123456789abcdef0 end at 2026-12-01T11:30:00Z" in rule["annotations"]["summary"]
    promql_parser.parse(rule["expr"])


def test_an_autoscaler_that_learns_nothing_is_told() -> None:
    scaling = Autoscaling(least=1, most=3, planned=1, ready_seconds=300.0)
    found = rules(replace(LLAMA, autoscaling=scaling), QWEN)
    assert found["ModelScalingBlind"]["expr"] == (
        'kube_horizontalpodautoscaler_status_condition{namespace="models", horizontalpodautoscaler=~"llama", '
        'condition="ScalingActive", status="false"} == 1'
    )
    promql_parser.parse(found["ModelScalingBlind"]["expr"])
    assert "ModelScalingBlind" not in rules(LLAMA, QWEN)


def test_a_model_that_sleeps_is_no_reason_to_wake_people() -> None:
    scaling = Autoscaling(least=0, most=3, planned=1, ready_seconds=300.0)
    asleep, awake = replace(LLAMA, autoscaling=scaling), replace(LLAMA, autoscaling=replace(scaling, least=1))
    assert not {"ModelMetricsMissing", "ModelScalingBlind"} & set(rules(asleep))
    assert {"ModelMetricsMissing", "ModelScalingBlind"} <= set(rules(awake))
    assert "ModelMetricsMissing" in rules(asleep, BGE)
