"""What Prometheus and Grafana in the cluster read: alarms as a PrometheusRule, the dashboard as a ConfigMap."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.labels import platform_labels
from ai_on_eks.serving.monitoring.alerts import rule_groups
from ai_on_eks.serving.monitoring.dashboard import dashboard
from ai_on_eks.serving.monitoring.names import NAMESPACE, RELEASE_LABELS
from ai_on_eks.serving.types import Json, Workload

DASHBOARD_LABELS = {"grafana_dashboard": "1"}
"""What the dashboard sidecar of the chart's Grafana looks for, in its own namespace (kube-prometheus-stack 90)."""


def prometheus_rule(platform: Platform, workloads: Sequence[Workload]) -> Json:
    """The platform's alarms, for a Prometheus that judges them itself."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {
            "name": "ai-on-eks",
            "namespace": NAMESPACE,
            "labels": {**platform_labels(platform), **RELEASE_LABELS},
        },
        "spec": {"groups": rule_groups(platform, workloads)},
    }


def dashboard_config_map(platform: Platform, workloads: Sequence[Workload]) -> Json:
    """The dashboard, where the sidecar finds it."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "ai-on-eks-dashboard",
            "namespace": NAMESPACE,
            "labels": {**platform_labels(platform), **DASHBOARD_LABELS},
        },
        "data": {"ai-on-eks.json": dashboard_json(platform, workloads)},
    }


def dashboard_json(platform: Platform, workloads: Sequence[Workload]) -> str:
    """The dashboard as the text that Grafana imports."""
    return json.dumps(dashboard(platform, workloads), indent=1, sort_keys=True) + "\n"
