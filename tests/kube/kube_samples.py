"""A platform and a workload with every part that objects are made from, small enough to expect exactly."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_network import Network
from ai_on_eks.serving.types import Workload

POD_SPEC: dict[str, Any] = {
    "serviceAccountName": "llama",
    "enableServiceLinks": False,
    "securityContext": {"runAsUser": 10001},
    "containers": [
        {
            "name": "engine",
            "image": "registry.example/engine:v1.0.0",
            "ports": [{"name": "http", "containerPort": 8000}],
            "resources": {
                "requests": {"cpu": "3500m", "memory": "12Gi", "nvidia.com/gpu": "1"},
                "limits": {"memory": "12Gi", "nvidia.com/gpu": "1"},
            },
            "startupProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 10, "failureThreshold": 54},
        }
    ],
    "nodeSelector": {"node.kubernetes.io/instance-type": "g6.xlarge"},
    "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
}


def platform(**changes: Any) -> Platform:
    """The platform all tests here run on."""
    zones = ("us-east-1a", "us-east-1b", "us-east-1c")
    settings = {"name": "demo", "region": "us-east-1", "network": Network(availability_zones=zones), **changes}
    return Platform(**settings)


def workload(**changes: Any) -> Workload:
    """One replica of a model whose engine serves metrics on the port of its API."""
    plain = Workload(
        name="llama",
        namespace="models",
        labels={"app.kubernetes.io/name": "llama", "app.kubernetes.io/component": "vllm"},
        replicas=1,
        pod_spec=POD_SPEC,
        config_maps={},
        port=8000,
        metrics_port=8000,
        metrics_path="/metrics",
        rollout={"maxSurge": 0, "maxUnavailable": 1},
        service_account="llama",
        priority=None,
        warnings=(),
        engine="vllm",
    )
    return replace(plain, **changes)
