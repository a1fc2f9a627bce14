"""kube-prometheus-stack: the operator, the exporters of nodes and objects, and a Prometheus.

    in-cluster   Prometheus keeps metrics on a volume and judges the rules; Alertmanager and Grafana stand beside it
    managed      Prometheus as an agent: it keeps nothing and sends everything to a workspace, which judges the rules

The control plane's parts that EKS does not show are not looked for: their alarms would ring for ever.
"""

from __future__ import annotations

from ai_on_eks.aws.helm_release import PRIVILEGED_NAMESPACE, HelmRelease, Json, pinned_release
from ai_on_eks.aws.mirror import mirrored
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_monitoring import MonitoringKind
from ai_on_eks.serving.monitoring.names import NAMESPACE, RELEASE, RELEASE_LABELS, VOLUME_CLASS
from ai_on_eks.serving.monitoring.queries import workspace_address

PROMETHEUS_SERVICE_ACCOUNT = "ai-on-eks-prometheus"
ALERTMANAGER_SERVICE_ACCOUNT = "ai-on-eks-alertmanager"
"""Names of our own, because the roles name them and the chart's follow from the release's."""

GRAFANA_SECRET = "grafana-admin"  # noqa: S105 - the name of a Secret
"""Keys `admin-user` and `admin-password`, made by hand. The chart's own password is published in its repository."""

HIDDEN_BY_EKS = ("kubeControllerManager", "kubeEtcd", "kubeScheduler")
"""Run by AWS and reachable by nobody (EKS user guide, prometheus, 2026-11)."""

_RECEIVER = "alarms"

DCGM_PORT = 9400
"""Where the exporter listens by default, whoever installs it (dcgm-exporter 4.8.3, README)."""

GPU_POD_MONITORS: list[Json] = [
    {
        "name": f"gpus-by-{installed_by}",
        "additionalLabels": RELEASE_LABELS,
        "selector": {"matchLabels": labels},
        "namespaceSelector": {"any": True},
        "podMetricsEndpoints": [{"portNumber": DCGM_PORT, "interval": "30s"}],
    }
    for installed_by, labels in (
        ("operator", {"app": "nvidia-dcgm-exporter"}),
        ("chart", {"app.kubernetes.io/name": "dcgm-exporter"}),
    )
]
"""DCGM's exporter, whichever chart brought it. Through this chart and not theirs, which would fail where the operator's
definitions are not there yet. The labels are those that public configurations of both charts select by (2026-11); none
was looked up in a running cluster."""


def release(platform: Platform, remote_write_url: str | None) -> HelmRelease:
    """The chart at the version whose keys `values` uses, from the mirror if any. `remote_write_url` where it sends to a
    workspace. Its namespace is privileged: node exporters read the host."""
    found = pinned_release(
        "kube-prometheus-stack",
        name=RELEASE,
        namespace=NAMESPACE,
        namespace_labels=PRIVILEGED_NAMESPACE,
        values=values(platform, remote_write_url),
    )
    return found if platform.image_mirror is None else mirrored(found, platform.image_mirror)


def values(platform: Platform, remote_write_url: str | None) -> Json:
    """The chart's values. `remote_write_url` is the workspace's with `managed`."""
    is_managed = platform.monitoring.kind is MonitoringKind.MANAGED
    own = _agent(platform, remote_write_url) if is_managed else _server(platform)
    return {
        **own,
        **{part: {"enabled": False} for part in HIDDEN_BY_EKS},
        "prometheus-node-exporter": {"tolerations": [{"operator": "Exists"}]},
    }


def workspace_endpoint(region: str, workspace_id: str) -> str:
    """As the workspace's own attribute spells it, with the slash at its end."""
    return f"{workspace_address(region, workspace_id)}/"


def remote_write_of(endpoint: str) -> str:
    """Where collectors send to."""
    return f"{endpoint}api/v1/remote_write"


def _agent(platform: Platform, remote_write_url: str | None) -> Json:
    spec = {
        "externalLabels": {"cluster": platform.name},
        "remoteWrite": [{"url": remote_write_url, "sigv4": {"region": platform.region}}],
    }
    return {
        "prometheus": {
            "agentMode": True,
            "serviceAccount": {"name": PROMETHEUS_SERVICE_ACCOUNT},
            "additionalPodMonitors": GPU_POD_MONITORS,
            "prometheusSpec": spec,
        },
        "alertmanager": {"enabled": False},
        "grafana": {"enabled": False},
        "defaultRules": {"create": False},
    }


def _server(platform: Platform) -> Json:
    alarm_topic = platform.monitoring.alarm_topic
    claim = {
        "storageClassName": VOLUME_CLASS,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": f"{platform.monitoring.storage_gib}Gi"}},
    }
    spec = {
        "externalLabels": {"cluster": platform.name},
        "retention": f"{platform.monitoring.retention_days}d",
        # A tenth of the volume is left for what is being written and compacted.
        "retentionSize": f"{platform.monitoring.storage_gib * 9 // 10}GiB",
        "storageSpec": {"volumeClaimTemplate": {"spec": claim}},
    }
    return {
        "prometheus": {
            "serviceAccount": {"name": PROMETHEUS_SERVICE_ACCOUNT},
            "additionalPodMonitors": GPU_POD_MONITORS,
            "prometheusSpec": spec,
        },
        "alertmanager": {
            "serviceAccount": {"name": ALERTMANAGER_SERVICE_ACCOUNT},
            **({"config": alert_routing(platform.region, alarm_topic)} if alarm_topic is not None else {}),
        },
        "grafana": {"admin": {"existingSecret": GRAFANA_SECRET}},
    }


def alert_routing(region: str, alarm_topic: str) -> Json:
    """Alertmanager's configuration: everything but the watchdog, which always fires, goes to the topic."""
    return {
        "route": {
            "receiver": _RECEIVER,
            "group_by": ["alertname", "namespace"],
            "routes": [{"receiver": "null", "matchers": ['alertname = "Watchdog"']}],
        },
        "receivers": [
            {"name": "null"},
            {"name": _RECEIVER, "sns_configs": [{"topic_arn": alarm_topic, "sigv4": {"region": region}}]},
        ],
    }
