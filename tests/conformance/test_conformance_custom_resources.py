"""Objects of other API groups against their published CRDs; first of all, that the checker can tell good from bad."""

from __future__ import annotations

import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "kube"))

import pytest
import yaml
from custom_resource_schemas import NoSchemaError, problems_of
from kube_samples import platform as kube_platform
from kube_samples import workload
from test_kube_autoscaling import scaled

from ai_on_eks.descriptors.platform_monitoring import Monitoring, MonitoringKind
from ai_on_eks.kube.manifests import model_manifests, monitoring_manifests

NODE_POOL: dict[str, Any] = {
    "apiVersion": "karpenter.sh/v1",
    "kind": "NodePool",
    "metadata": {"name": "gpu", "labels": {"a": "b"}},
    "spec": {
        "limits": {"cpu": 100, "nvidia.com/gpu": "8"},
        "disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "10m"},
        "template": {
            "spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "gpu"},
                "taints": [{"key": "nvidia.com/gpu", "effect": "NoSchedule"}],
                "requirements": [
                    {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["g6e.12xlarge"]}
                ],
            }
        },
    },
}

LEADER_WORKER_SET: dict[str, Any] = {
    "apiVersion": "leaderworkerset.x-k8s.io/v1",
    "kind": "LeaderWorkerSet",
    "metadata": {"name": "large"},
    "spec": {
        "replicas": 1,
        "leaderWorkerTemplate": {
            "size": 2,
            "workerTemplate": {"spec": {"containers": [{"name": "engine", "image": "registry.example/engine:v1"}]}},
        },
    },
}


@pytest.mark.parametrize("manifest", [NODE_POOL, LEADER_WORKER_SET], ids=lambda item: str(item["kind"]))
def test_a_correct_object_passes(shared: Path, manifest: dict[str, Any]) -> None:
    assert problems_of(shared / "crds", manifest) == []


@pytest.mark.parametrize(
    ("manifest", "path", "value", "problem"),
    [
        pytest.param(
            NODE_POOL,
            "spec.template.spec.requirements.0.operator",
            "OneOf",
            "$.spec.template.spec.requirements[0].operator: 'OneOf' is not one of",
            id="unknown operator",
        ),
        pytest.param(
            NODE_POOL, "spec.disruption.consolidateWhen", "x", "$.spec.disruption: Additional", id="unknown field"
        ),
        pytest.param(NODE_POOL, "spec.limit", {}, "$.spec: Additional properties", id="misspelt field"),
        pytest.param(NODE_POOL, "metadata.label", {}, "$.metadata: Additional properties", id="unknown metadata"),
        pytest.param(NODE_POOL, "spec.template", None, "$.spec.template: None is not of type 'object'", id="null"),
        pytest.param(
            LEADER_WORKER_SET,
            "spec.leaderWorkerTemplate.workerTemplate.spec.containers.0.resource",
            {},
            "$.spec.leaderWorkerTemplate.workerTemplate.spec.containers[0]: Additional properties",
            id="inside an embedded pod template",
        ),
        pytest.param(
            LEADER_WORKER_SET,
            "spec.leaderWorkerTemplate.size",
            "2",
            "$.spec.leaderWorkerTemplate.size: '2' is not of type 'integer'",
            id="a string for a number",
        ),
        pytest.param(
            NODE_POOL,
            "spec.template.spec.requirements.0.key",
            "karpenter.sh/other",
            '$.spec.template.spec.requirements[0].key: label domain "karpenter.sh" is restricted',
            id="a rule in CEL, with a function of Kubernetes' own",
        ),
        pytest.param(
            NODE_POOL,
            "spec.template.spec.requirements.0.values",
            [],
            "$.spec.template.spec.requirements: requirements with operator 'In' must have a value defined",
            id="a rule in CEL over a list",
        ),
    ],
)
def test_a_planted_fault_is_found(
    shared: Path, manifest: dict[str, Any], path: str, value: object, problem: str
) -> None:
    faulty = deepcopy(manifest)
    *steps, last = path.split(".")
    target: Any = faulty
    for step in steps:
        target = target[int(step)] if step.isdigit() else target[step]
    target[last] = value

    (only,) = problems_of(shared / "crds", faulty)
    assert only.startswith(problem)


def test_an_object_nobody_describes_is_told_apart_from_a_correct_one(shared: Path) -> None:
    with pytest.raises(NoSchemaError, match=r"karpenter\.sh/v1 NodePoll"):
        problems_of(shared / "crds", {**NODE_POOL, "kind": "NodePoll"})


def test_what_the_collector_reads_fits_its_definitions(shared: Path) -> None:
    platform = kube_platform(monitoring=Monitoring(kind=MonitoringKind.IN_CLUSTER))
    model = workload(engine="vllm", usd_per_hour=1.0)

    monitor = model_manifests(model, monitored=True)["PodMonitor"]
    rule = monitoring_manifests(platform, [model])["Resource"]

    assert problems_of(shared / "crds", monitor) == []
    assert problems_of(shared / "crds", rule) == []


@pytest.mark.parametrize("region", [None, "us-east-1"])
def test_autoscalers_fit_their_definitions(shared: Path, region: str | None) -> None:
    manifests = model_manifests(scaled(region=region))

    assert problems_of(shared / "crds", manifests["ScaledObject"]) == []
    if region is not None:
        assert problems_of(shared / "crds", manifests["TriggerAuthentication"]) == []


TRAFFIC = Path(__file__).resolve().parents[1] / "k8s" / "traffic_snapshots"
TRAFFIC_KINDS = {
    "internal-alb": {"GatewayClass", "Gateway", "LoadBalancerConfiguration", "TargetGroupConfiguration",
                     "ListenerRuleConfiguration", "HTTPRoute", "ScaledObject", "PodMonitor"},
    "existing": {"HTTPRoute", "InferencePool", "ScaledObject", "PodMonitor"},
}  # fmt: skip


@pytest.mark.parametrize("case", TRAFFIC_KINDS)
def test_what_brings_requests_to_models_fits_its_definitions(shared: Path, case: str) -> None:
    objects = [
        one for path in sorted((TRAFFIC / case).glob("*.yaml")) for one in yaml.safe_load_all(path.read_text("utf-8"))
    ]
    custom = [one for one in objects if one["kind"] in TRAFFIC_KINDS[case]]
    assert {one["kind"] for one in custom} == TRAFFIC_KINDS[case]
    for one in custom:
        assert problems_of(shared / "crds", one) == [], one["kind"]


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        ("LoadBalancerConfiguration", {"scheme": "private"}, "$.spec.scheme"),
        ("ListenerRuleConfiguration", {"action": []}, "$.spec: Additional properties"),
        ("TargetGroupConfiguration", {"defaultConfiguration": {"targetType": "pod"}}, "$.spec.defaultConfiguration"),
        ("HTTPRoute", {"parentRefs": [{}]}, "$.spec.parentRefs[0]: 'name' is a required"),
    ],
)
def test_a_fault_in_what_brings_requests_is_found(shared: Path, kind: str, change: Any, problem: str) -> None:
    texts = [path.read_text("utf-8") for path in sorted((TRAFFIC / "internal-alb").glob("*.yaml"))]
    (one,) = [one for text in texts for one in yaml.safe_load_all(text) if one["kind"] == kind]
    one["spec"] |= change
    assert any(found.startswith(problem) for found in problems_of(shared / "crds", one))
