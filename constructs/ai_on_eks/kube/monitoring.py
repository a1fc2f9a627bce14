"""The platform's alarms and dashboard as a construct."""

from __future__ import annotations

from collections.abc import Sequence

from cdk8s import ApiObject
from constructs import Construct

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.api_object import api_object
from ai_on_eks.kube.manifests import monitoring_manifests
from ai_on_eks.serving.types import Workload


class MonitoringObjects(Construct):
    """What is collected beside the models, and what the cluster's own Prometheus and Grafana read. `resource` is the
    PrometheusRule; None where neither runs."""

    def __init__(self, scope: Construct, id: str, *, platform: Platform, workloads: Sequence[Workload]) -> None:  # noqa: A002 - the constructs' own name
        super().__init__(scope, id)
        manifests = monitoring_manifests(platform, workloads)
        objects = {key: api_object(self, key, manifest) for key, manifest in manifests.items()}
        self.resource: ApiObject | None = objects.get("Resource")
