"""apps/v1 DaemonSet of Neuron's monitor, and the PodMonitor of its metrics: the Neuron chart brings neither.

It lies wherever models with Neuron devices may. It asks for nothing: plans count what DaemonSets ask for, and this one
is there only where metrics are collected.
"""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.labels import platform_labels
from ai_on_eks.serving.monitoring.names import NAMESPACE, RELEASE_LABELS
from ai_on_eks.serving.types import Json, Workload

NAME = "neuron-monitor"
IMAGE = "public.ecr.aws/neuron/neuron-monitor:1.10.0"
"""Of the same release as the chart (public.ecr.aws/neuron, tags, 2026-11). No digest is known."""

PORT = 9010
COMMAND = f"neuron-monitor | neuron-monitor-prometheus.py --port {PORT}"
"""The monitor writes JSON, its companion serves it as metrics (Neuron SDK, k8s-neuron-monitor, 2026-10)."""

RESOURCE_PREFIX = "aws.amazon.com/neuron"


def neuron_monitor(platform: Platform, workloads: Sequence[Workload]) -> Json | None:
    """The DaemonSet; None where no model has Neuron devices."""
    terms = [term for workload in workloads if _has_devices(workload) for term in _node_terms(workload)]
    if not terms:
        return None
    labels = _labels(platform)
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "affinity": {
                        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
                    },
                    "tolerations": [{"key": RESOURCE_PREFIX, "operator": "Exists", "effect": "NoSchedule"}],
                    "containers": [
                        {
                            "name": NAME,
                            "image": IMAGE,
                            "command": ["/bin/sh", "-c", COMMAND],
                            "ports": [{"name": "metrics", "containerPort": PORT, "protocol": "TCP"}],
                            "securityContext": {"privileged": True},  # it reads counters of the devices
                            "volumeMounts": [{"name": "devices", "mountPath": "/dev"}],
                        }
                    ],
                    "volumes": [{"name": "devices", "hostPath": {"path": "/dev"}}],
                },
            },
        },
    }


def neuron_pod_monitor(platform: Platform) -> Json:
    """Where its metrics are collected from."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": {**_labels(platform), **RELEASE_LABELS}},
        "spec": {
            "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
            "podMetricsEndpoints": [{"port": "metrics", "interval": "30s"}],
        },
    }


def _labels(platform: Platform) -> dict[str, str]:
    return {**platform_labels(platform), "app.kubernetes.io/name": NAME}


def _has_devices(workload: Workload) -> bool:
    return any(
        name.startswith(RESOURCE_PREFIX)
        for container in workload.pod_spec.get("containers", ())
        for name in container.get("resources", {}).get("limits", {})
    )


def _node_terms(workload: Workload) -> list[Json]:
    affinity = workload.pod_spec["affinity"]["nodeAffinity"]
    terms: list[Json] = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return terms
