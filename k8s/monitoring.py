"""The chart of what the cluster's Prometheus and Grafana read."""

from __future__ import annotations

from collections.abc import Sequence

from cdk8s import Chart
from constructs import Construct

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.monitoring import MonitoringObjects
from ai_on_eks.serving.types import Workload


class MonitoringChart(Chart):
    """Alarms and the dashboard; applied after the collector's own custom resource definitions are there."""

    def __init__(self, scope: Construct, id: str, *, platform: Platform, workloads: Sequence[Workload]) -> None:  # noqa: A002 - the constructs' own name
        super().__init__(scope, id)
        self.monitoring = MonitoringObjects(self, "Monitoring", platform=platform, workloads=workloads)
