"""apps/v1 DaemonSet of Neuron's monitor, and the PodMonitor of its metrics: the Neuron chart brings neither.

It lies wherever models with Neuron devices may, and asks for what plans set aside for it. It may use no more memory
than that: what it takes beyond, it would take from the model beside it.
"""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.catalog.daemonsets import load_daemonsets
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.labels import platform_labels
from ai_on_eks.serving.monitoring.names import NAMESPACE, RELEASE_LABELS
from ai_on_eks.serving.quantities import bytes_quantity, cpu_quantity
from ai_on_eks.serving.types import Json, Workload

NAME = "neuron-monitor"

PORT = 9010
COMMAND = f"neuron-monitor | neuron-monitor-prometheus.py --port {PORT}"
"""The monitor writes JSON, its companion serves it as metrics (Neuron SDK, k8s-neuron-monitor, 2026-10)."""

TAINT = "aws.amazon.com/neuron"


def neuron_monitor(platform: Platform, workloads: Sequence[Workload]) -> Json | None:
    """The DaemonSet; None where no model has Neuron devices."""
    watched = [workload for workload in workloads if workload.device_monitor is not None]
    if not watched:
        return None
    terms = [term for workload in watched for term in _node_terms(workload)]
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
                    "tolerations": [{"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}],
                    "containers": [
                        {
                            "name": NAME,
                            "image": watched[0].device_monitor,
                            "command": ["/bin/sh", "-c", COMMAND],
                            "imagePullPolicy": "IfNotPresent",
                            "ports": [{"name": "metrics", "containerPort": PORT, "protocol": "TCP"}],
                            "resources": _resources(),
                            "securityContext": {"privileged": True},  # it reads counters of the devices
                            "volumeMounts": [{"name": "devices", "mountPath": "/dev"}],
                        }
                    ],
                    "volumes": [{"name": "devices", "hostPath": {"path": "/dev"}}],
                },
            },
        },
    }


def _resources() -> Json:
    (own,) = [one for one in load_daemonsets() if one.name == NAME]
    memory = bytes_quantity(own.memory_bytes)
    return {"requests": {"cpu": cpu_quantity(own.cpu_millicores), "memory": memory}, "limits": {"memory": memory}}


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


def _node_terms(workload: Workload) -> list[Json]:
    affinity = workload.pod_spec["affinity"]["nodeAffinity"]
    terms: list[Json] = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    return terms
