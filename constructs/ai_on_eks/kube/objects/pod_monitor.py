"""monitoring.coreos.com/v1 PodMonitor: where a model's metrics are collected from."""

from __future__ import annotations

from ai_on_eks.kube.objects.labels import measured_selector, metadata, object_labels
from ai_on_eks.kube.objects.service import metrics_port_name
from ai_on_eks.serving.monitoring.names import MODEL, RELEASE_LABELS
from ai_on_eks.serving.types import Json, Workload

INTERVAL = "30s"


def pod_monitor(workload: Workload) -> Json:
    """Pods that serve, and not the Service: behind it a scrape would reach one replica or another."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {**metadata(workload), "labels": {**object_labels(workload), **RELEASE_LABELS}},
        "spec": {
            "selector": {"matchLabels": measured_selector(workload)},
            "podMetricsEndpoints": [
                {
                    "port": metrics_port_name(workload),
                    "path": workload.metrics_path,
                    "interval": INTERVAL,
                    "relabelings": [{"targetLabel": MODEL, "replacement": workload.name, "action": "replace"}],
                }
            ],
        },
    }
