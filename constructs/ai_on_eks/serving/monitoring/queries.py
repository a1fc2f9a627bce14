"""Where metrics are asked for: by whatever reads them beside Grafana.

in-cluster   the collector's own Service
managed      the workspace, whose id is known once it has been made; each query is signed (Signature Version 4)
"""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_monitoring import MonitoringKind
from ai_on_eks.serving.monitoring.names import NAMESPACE, RELEASE

PROMETHEUS_PORT = 9090
"""Of the collector's Service (kube-prometheus-stack 90, `prometheus.service.port`)."""


def workspace_address(region: str, workspace_id: str) -> str:
    """A workspace of Amazon Managed Service for Prometheus, without a slash at its end."""
    return f"https://aps-workspaces.{region}.amazonaws.com/workspaces/{workspace_id}"


def query_address(platform: Platform) -> str | None:
    """What `/api/v1/query` is appended to; None where nothing answers, or the workspace is not known yet."""
    monitoring = platform.monitoring
    match monitoring.kind:
        case MonitoringKind.IN_CLUSTER:
            return f"http://{RELEASE}-prometheus.{NAMESPACE}.svc:{PROMETHEUS_PORT}"
        case MonitoringKind.MANAGED if monitoring.existing_workspace is not None:
            return workspace_address(platform.region, monitoring.existing_workspace)
    return None


def query_region(platform: Platform) -> str | None:
    """The region that queries are signed for; None where they are not."""
    return platform.region if platform.monitoring.kind is MonitoringKind.MANAGED else None
