"""monitoring.coreos.com/v1 PodMonitor: where a model's metrics are collected from."""

from __future__ import annotations

from ai_on_eks.kube.objects.labels import measured_selector, metadata, object_labels
from ai_on_eks.kube.objects.router import router_name, router_selector
from ai_on_eks.kube.objects.service import metrics_port_name
from ai_on_eks.serving.monitoring.names import MODEL, RELEASE_LABELS
from ai_on_eks.serving.types import Json, Workload

INTERVAL = "30s"


def router_monitor(workload: Workload) -> Json:
    """What the router tells: above all of requests that it holds."""
    monitor = pod_monitor(workload)
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    labels = {**object_labels(workload), **RELEASE_LABELS}
    return {
        **monitor,
        "metadata": {**metadata(workload, router_name(workload.name)), "labels": labels},
        "spec": {
            "selector": {"matchLabels": router_selector(workload)},
            "podMetricsEndpoints": [{**endpoint, "port": "metrics", "path": "/metrics"}],
        },
    }


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
