"""Each object, field by field: what a cluster would act on."""

from __future__ import annotations

from typing import Any

import pytest
from kube_samples import POD_SPEC, platform, workload

from ai_on_eks.kube.manifests import model_manifests, platform_manifests
from ai_on_eks.kube.objects.config_map import config_map, model_store
from ai_on_eks.kube.objects.deployment import deployment
from ai_on_eks.kube.objects.namespace import namespace
from ai_on_eks.kube.objects.network_policy import default_deny, model_policy
from ai_on_eks.kube.objects.pod_disruption_budget import pod_disruption_budget
from ai_on_eks.kube.objects.pod_template import config_hash
from ai_on_eks.kube.objects.service import metrics_port_name, service
from ai_on_eks.serving.ownership import plan_digest
from ai_on_eks.serving.types import Workload
from ai_on_eks.serving.workload import TAKEN_NAMES

POD_LABELS = {"ai-on-eks/model": "llama", "app.kubernetes.io/component": "vllm", "app.kubernetes.io/name": "llama"}


def metadata_of(model: Workload) -> dict[str, Any]:
    return {
        "name": "llama",
        "namespace": "models",
        "labels": {**POD_LABELS, "ai-on-eks/plan-digest": plan_digest(model)},
    }


METADATA = metadata_of(workload())
SHARED_LABELS = {"app.kubernetes.io/managed-by": "ai-on-eks", "app.kubernetes.io/part-of": "demo"}


def test_no_model_can_take_the_name_of_an_object_of_the_platform() -> None:
    """GIVEN such a name WHEN the model is applied THEN its network policy would replace the one that denies all."""
    kinds = {item["kind"] for item in model_manifests(workload(config_maps={"llama-triton": {}})).values()}
    taken = {
        item["metadata"]["name"] for item in platform_manifests(platform(), "weights").values() if item["kind"] in kinds
    }
    suffixed = {"model-store"}  # a model's ConfigMaps have names of two parts: <model>-<engine>
    assert taken - suffixed <= set(TAKEN_NAMES)
    assert deployment(workload()) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": METADATA,
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": 1140,  # 54 × 10 s of the startup probe + 600 s
            "selector": {"matchLabels": {"ai-on-eks/model": "llama"}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
            "template": {
                "metadata": {
                    "labels": POD_LABELS,
                    "annotations": {
                        "prometheus.io/path": "/metrics",
                        "prometheus.io/port": "8000",
                        "prometheus.io/scrape": "true",
                    },
                },
                "spec": POD_SPEC,
            },
        },
    }


def test_one_more_replica_is_another_plan_and_leaves_the_pods_alone() -> None:
    one, two = (deployment(workload(replicas=replicas)) for replicas in (1, 2))

    assert one["metadata"]["labels"]["ai-on-eks/plan-digest"] != two["metadata"]["labels"]["ai-on-eks/plan-digest"]
    assert one["spec"]["template"] == two["spec"]["template"]


def test_every_object_of_a_model_says_which_plan_it_is_from_and_no_two_say_different() -> None:
    model = workload(replicas=2, config_maps={"llama-triton": {}})
    manifests = model_manifests(model, monitored=True).values()

    assert {item["metadata"]["labels"]["ai-on-eks/plan-digest"] for item in manifests} == {plan_digest(model)}


def test_pods_roll_when_a_config_map_changes_and_only_then() -> None:
    one = workload(config_maps={"a": {"x": "1", "y": "2"}, "b": {}})
    reordered = workload(config_maps={"b": {}, "a": {"y": "2", "x": "1"}})
    changed = workload(config_maps={"a": {"x": "1", "y": "3"}, "b": {}})

    assert config_hash(one) == config_hash(reordered)
    assert config_hash(one) != config_hash(changed)
    annotations = deployment(one)["spec"]["template"]["metadata"]["annotations"]
    assert annotations["ai-on-eks/config-hash"] == config_hash(one)


def test_service_has_one_port_where_the_engine_has_one() -> None:
    assert service(workload())["spec"] == {
        "type": "ClusterIP",
        "selector": {"ai-on-eks/model": "llama"},
        "ports": [{"name": "http", "port": 8000, "targetPort": 8000, "protocol": "TCP"}],
    }
    assert metrics_port_name(workload()) == "http"


def test_service_has_a_metrics_port_where_the_engine_has_one() -> None:
    split = workload(metrics_port=8002)

    assert [(port["name"], port["port"]) for port in service(split)["spec"]["ports"]] == [
        ("http", 8000),
        ("metrics", 8002),
    ]
    assert metrics_port_name(split) == "metrics"


def test_service_account_mounts_no_token_and_has_the_workloads_name_for_it() -> None:
    account = model_manifests(workload(service_account="reader"))["ServiceAccount"]

    assert account["automountServiceAccountToken"] is False
    assert account["metadata"]["name"] == "reader"


@pytest.mark.parametrize(("replicas", "expected"), [(1, False), (2, True), (50, True)])
def test_disruption_budget_exists_exactly_for_several_replicas(replicas: int, expected: bool) -> None:
    budget = pod_disruption_budget(workload(replicas=replicas))

    assert (budget is not None) is expected
    assert ("PodDisruptionBudget" in model_manifests(workload(replicas=replicas))) is expected


def test_disruption_budget_never_blocks_a_drain_for_ever() -> None:
    budget = pod_disruption_budget(workload(replicas=2))

    assert budget is not None
    assert budget["spec"] == {
        "maxUnavailable": 1,
        "selector": {"matchLabels": {"ai-on-eks/model": "llama"}},
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def test_model_policy_opens_exactly_what_a_model_needs() -> None:
    assert model_policy(workload(metrics_port=8002))["spec"] == {
        "podSelector": {"matchLabels": {"ai-on-eks/model": "llama"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [{"namespaceSelector": {"matchLabels": {"ai-on-eks/gateway": "true"}}}, {"podSelector": {}}],
                "ports": [{"protocol": "TCP", "port": 8000}],
            },
            {
                "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                "ports": [{"protocol": "TCP", "port": 8002}],
            },
        ],
        "egress": [
            {
                "to": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                    }
                ],
                "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
            },
            {"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"protocol": "TCP", "port": 443}]},
            {"to": [{"ipBlock": {"cidr": "169.254.170.23/32"}}], "ports": [{"protocol": "TCP", "port": 80}]},
        ],
    }


def test_namespace_denies_all_traffic_by_default() -> None:
    assert default_deny(platform())["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_config_maps_of_a_workload_keep_their_data() -> None:
    manifest = config_map(workload(), "llama-config", {"config.pbtxt": "backend: 1\n"})

    assert manifest["metadata"] == {**METADATA, "name": "llama-config"}
    assert manifest["data"] == {"config.pbtxt": "backend: 1\n"}


def test_model_store_names_bucket_and_region() -> None:
    assert model_store(platform(), "weights") == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "model-store", "namespace": "models", "labels": SHARED_LABELS},
        "data": {"bucket": "weights", "region": "us-east-1"},
    }


def test_namespace_is_restricted_at_the_clusters_version() -> None:
    labels = namespace(platform())["metadata"]["labels"]

    assert labels == {
        **SHARED_LABELS,
        **{f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "audit", "warn")},
        **{f"pod-security.kubernetes.io/{mode}-version": "v1.36" for mode in ("enforce", "audit", "warn")},
    }


def test_construct_ids_are_a_contract() -> None:
    full = workload(replicas=2, config_maps={"z": {}, "a": {}})

    assert list(model_manifests(full)) == [
        "ServiceAccount",
        "ConfigMap-a",
        "ConfigMap-z",
        "NetworkPolicy",
        "Service",
        "Resource",
        "PodDisruptionBudget",
    ]
    assert list(platform_manifests(platform(), "weights")) == ["Resource", "DefaultDeny", "ModelStore"]
    assert list(platform_manifests(platform(), None)) == ["Resource", "DefaultDeny"]


def test_a_label_of_the_workload_cannot_change_what_selects_its_pods() -> None:
    stray = workload(labels={"ai-on-eks/model": "other"})

    template = deployment(stray)["spec"]["template"]["metadata"]["labels"]
    assert template == deployment(stray)["spec"]["selector"]["matchLabels"] == {"ai-on-eks/model": "llama"}
