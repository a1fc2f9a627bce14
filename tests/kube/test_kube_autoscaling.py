"""Autoscalers: what they count, between what, how fast; and that nobody else sets the number."""

from __future__ import annotations

from typing import Any

import kubernetes_validate
import pytest
from kube_samples import POD_SPEC, workload

from ai_on_eks.kube.manifests import model_manifests
from ai_on_eks.serving.storage import StorageAddresses
from ai_on_eks.serving.types import Autoscaling, Group, LoadSignal, Workload

ADDRESS = "http://prometheus.example:9090"
SIGNALS = (
    LoadSignal("demand", "sum(a)", 16.0, is_divided=True),
    LoadSignal("cache", "max(b)", 0.85, is_divided=False),
)
GROUP = Group(nodes=2, worker_pod_spec=POD_SPEC)


def scaled(*, group: Group | None = None, **changes: Any) -> Workload:
    settings: dict[str, Any] = {
        "least": 1, "most": 4, "planned": 2, "ready_seconds": 400.5, "signals": SIGNALS, "address": ADDRESS,
    }  # fmt: skip
    return workload(replicas=2, group=group, autoscaling=Autoscaling(**{**settings, **changes}))


@pytest.mark.parametrize(
    ("group", "target"),
    [
        (None, {"apiVersion": "apps/v1", "kind": "Deployment", "name": "llama"}),
        (
            GROUP,
            {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "name": "llama-group"},
        ),
    ],
)
def test_the_object_that_is_scaled_has_no_number_of_its_own(group: Group | None, target: dict[str, str]) -> None:
    manifests = model_manifests(scaled(group=group))
    resource = manifests["Resource"]
    assert manifests["ScaledObject"]["spec"]["scaleTargetRef"] == target
    assert {key: resource[key] for key in ("apiVersion", "kind")} | {"name": resource["metadata"]["name"]} == target
    assert "replicas" not in resource["spec"]


def test_the_scaled_object_has_the_range_and_every_signal() -> None:
    spec = model_manifests(scaled())["ScaledObject"]["spec"]
    assert (spec["minReplicaCount"], spec["maxReplicaCount"]) == (1, 4)
    demand, cache = spec["triggers"]
    assert demand == {
        "type": "prometheus",
        "name": "demand",
        "metricType": "AverageValue",
        "metadata": {"serverAddress": ADDRESS, "query": "sum(a)", "threshold": "16", "ignoreNullValues": "false"},
    }
    assert (cache["metricType"], cache["metadata"]["threshold"]) == ("Value", "0.85")


def test_without_metrics_the_planned_replicas_run_once_a_start_does_not_explain_it() -> None:
    fallback = model_manifests(scaled())["ScaledObject"]["spec"]["fallback"]
    # twice 400.5 s at one query in 30 s
    assert fallback == {"failureThreshold": 27, "replicas": 2, "behavior": "currentReplicasIfHigher"}


@pytest.mark.parametrize(
    ("ready_seconds", "period", "calm"), [(20.0, 60, 300), (400.5, 401, 801), (5000.0, 1800, 3600)]
)
def test_steps_wait_for_replicas_to_start_within_what_the_api_server_takes(
    ready_seconds: float, period: int, calm: int
) -> None:
    spec = model_manifests(scaled(ready_seconds=ready_seconds))["ScaledObject"]["spec"]
    behavior = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert {policy["periodSeconds"] for policy in behavior["scaleUp"]["policies"]} == {period}
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] == calm


def test_queries_to_a_workspace_are_signed_by_keda_s_own_role() -> None:
    manifests = model_manifests(
        scaled(address=None, region="us-east-1"), StorageAddresses(metrics="https://ws.example")
    )
    assert manifests["TriggerAuthentication"]["spec"] == {"podIdentity": {"provider": "aws", "identityOwner": "keda"}}
    for trigger in manifests["ScaledObject"]["spec"]["triggers"]:
        assert trigger["authenticationRef"] == {"name": manifests["TriggerAuthentication"]["metadata"]["name"]}
        assert trigger["metadata"]["serverAddress"] == "https://ws.example"
        assert trigger["metadata"]["awsRegion"] == "us-east-1"


def test_an_autoscaler_waits_for_a_workspace_that_is_not_known_yet() -> None:
    manifests = model_manifests(scaled(address=None, region="us-east-1"))
    assert not {"ScaledObject", "TriggerAuthentication"} & set(manifests)
    assert "replicas" not in manifests["Resource"]["spec"]


def test_a_model_on_processors_has_kubernetes_own_autoscaler() -> None:
    manifests = model_manifests(scaled(signals=(), address=None))
    found = manifests["HorizontalPodAutoscaler"]
    kubernetes_validate.validate(found, "1.36", strict=True)
    assert "ScaledObject" not in manifests
    assert (found["spec"]["minReplicas"], found["spec"]["maxReplicas"]) == (1, 4)
    (metric,) = found["spec"]["metrics"]
    assert metric["resource"] == {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}


def test_a_budget_counts_the_replicas_that_may_come() -> None:
    assert "PodDisruptionBudget" in model_manifests(scaled())
    assert "PodDisruptionBudget" not in model_manifests(workload(replicas=1))
    assert "PodDisruptionBudget" not in model_manifests(scaled(least=0, most=1))
