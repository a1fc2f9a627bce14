"""This repository's own models: does each pod schedule on the nodes planned for it, and is it admitted there?"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from planned_nodes import why_not_on_planned_node
from real_models import MODELS, real_capacity, real_workload

from ai_on_eks.kube.manifests import model_manifests
from ai_on_eks.kube.objects.startup import startup_budget_seconds
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.serving.weights import MODEL_STORE_CONFIG_MAP


def _reasons(model: str, pod_spec: dict[str, Any]) -> tuple[str, ...]:
    return why_not_on_planned_node(real_capacity()[model], pod_spec)


@pytest.mark.parametrize("model", MODELS)
def test_the_pod_schedules_on_the_planned_node(model: str) -> None:
    assert _reasons(model, real_workload(model).pod_spec) == ()


@pytest.mark.parametrize("model", MODELS)
def test_the_pod_does_not_schedule_on_a_node_of_another_type(model: str) -> None:
    moved = deepcopy(real_workload(model).pod_spec)
    required = moved["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    required["nodeSelectorTerms"][0]["matchExpressions"][0]["values"] = ["x1.unknown"]

    (reason,) = _reasons(model, moved)
    assert "node.kubernetes.io/instance-type In x1.unknown" in reason


@pytest.mark.parametrize("model", MODELS)
def test_the_pod_is_kept_off_by_its_nodes_taint_without_its_toleration(model: str) -> None:
    bare = {**real_workload(model).pod_spec, "tolerations": []}

    assert any("not tolerated" in reason for reason in _reasons(model, bare))


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("resource", "amount"), [("memory", "64Ti"), ("cpu", "1k"), ("ephemeral-storage", "64Ti")])
def test_a_pod_that_asks_for_too_much_does_not_schedule(model: str, resource: str, amount: str) -> None:
    greedy = deepcopy(real_workload(model).pod_spec)
    greedy["containers"][0]["resources"]["requests"][resource] = amount

    (reason,) = _reasons(model, greedy)
    assert reason.startswith(f"{resource}: asks for")


@pytest.mark.parametrize("model", MODELS)
def test_pod_security_admits_the_pod(model: str) -> None:
    assert why_not_restricted(real_workload(model).pod_spec) == ()


@pytest.mark.parametrize("model", MODELS)
def test_a_device_is_limited_to_what_is_requested(model: str) -> None:
    """The API server refuses an extended resource whose limit is missing or differs; no schema says so."""
    for container in _containers(real_workload(model).pod_spec):
        resources = container["resources"]
        extended = {name for kind in resources.values() for name in kind if "/" in name}
        assert all(resources["requests"].get(name) == resources["limits"].get(name) for name in extended)


@pytest.mark.parametrize("model", MODELS)
def test_whatever_the_pod_refers_to_exists(model: str) -> None:
    manifests = model_manifests(real_workload(model)).values()
    config_maps = {item["metadata"]["name"] for item in manifests if item["kind"] == "ConfigMap"}
    accounts = {item["metadata"]["name"] for item in manifests if item["kind"] == "ServiceAccount"}
    pod_spec = real_workload(model).pod_spec

    assert {pod_spec["serviceAccountName"]} == accounts
    assert set(_config_map_references(pod_spec)) <= config_maps | {MODEL_STORE_CONFIG_MAP}
    assert config_maps <= set(_config_map_references(pod_spec))


@pytest.mark.parametrize("model", MODELS)
def test_the_services_ports_are_the_containers(model: str) -> None:
    workload = real_workload(model)
    (main, *_) = workload.pod_spec["containers"]
    listening = {port["name"]: port["containerPort"] for port in main["ports"]}

    ports = model_manifests(workload)["Service"]["spec"]["ports"]

    assert {port["name"]: port["targetPort"] for port in ports} == listening
    assert all(port["port"] == port["targetPort"] for port in ports)


@pytest.mark.parametrize("model", MODELS)
def test_a_rollout_is_given_as_long_as_the_kubelet_waits(model: str) -> None:
    spec = model_manifests(real_workload(model))["Resource"]["spec"]

    assert spec["progressDeadlineSeconds"] >= startup_budget_seconds(spec["template"]["spec"]) > 0


def _containers(pod_spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from pod_spec.get("initContainers", [])
    yield from pod_spec["containers"]


def _config_map_references(pod_spec: dict[str, Any]) -> Iterator[str]:
    for volume in pod_spec.get("volumes", []):
        if "configMap" in volume:
            yield volume["configMap"]["name"]
    for container in _containers(pod_spec):
        for variable in container.get("env", []):
            source = variable.get("valueFrom", {}).get("configMapKeyRef")
            if source is not None:
                yield source["name"]
