"""What has to agree between the platform file's `monitoring` and the rest of it."""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.descriptors.platform import DeliveryMode, Platform
from ai_on_eks.descriptors.platform_monitoring import MonitoringKind
from ai_on_eks.errors import Problem


def check_monitoring(platform: Platform) -> Iterator[Problem]:
    """Contradictions; a setting without effect is one."""
    monitoring = platform.monitoring
    is_managed = monitoring.kind is MonitoringKind.MANAGED
    if monitoring.existing_workspace is not None and not is_managed:
        yield Problem(
            "setting-without-effect",
            f"nothing is sent to a workspace with monitoring.kind: {monitoring.kind.value}",
            path="monitoring.existing_workspace",
            value=monitoring.existing_workspace,
            fix="set monitoring.kind: managed, or remove it",
        )
    if monitoring.managed_grafana is not None and not is_managed:
        yield Problem(
            "setting-without-effect",
            f"there is no workspace of metrics for it to read with monitoring.kind: {monitoring.kind.value}",
            path="monitoring.managed_grafana",
            value=monitoring.managed_grafana.value,
            fix="set monitoring.kind: managed, or remove it",
        )
    if monitoring.kind is not MonitoringKind.IN_CLUSTER:
        for name in sorted({"retention_days", "storage_gib"} & monitoring.model_fields_set):
            yield Problem(
                "setting-without-effect",
                f"no metrics are kept in the cluster with monitoring.kind: {monitoring.kind.value}",
                path=f"monitoring.{name}",
                value=getattr(monitoring, name),
                fix="set monitoring.kind: in-cluster, or remove it",
            )
    if monitoring.alarm_topic is not None:
        yield from _topic(platform, monitoring.alarm_topic)
    if is_managed and monitoring.existing_workspace is None and platform.delivery.mode is not DeliveryMode.APPLY:
        yield Problem(
            "workspace-unknown",
            "the rendered collector must name the workspace that it sends to, and CDK would only now create one",
            path="monitoring.existing_workspace",
            fix="create a workspace once and name its id, or set delivery.mode: apply",
        )


def _topic(platform: Platform, topic: str) -> Iterator[Problem]:
    monitoring, region = platform.monitoring, topic.split(":")[3]
    path = "monitoring.alarm_topic"
    if not monitoring.is_on or monitoring.existing_workspace is not None:
        why = "an existing workspace tells whom it was set up to tell" if monitoring.is_on else "there are no alarms"
        yield Problem("setting-without-effect", why, path=path, value=topic, fix="remove it")
    elif region != platform.region:
        yield Problem(
            "region-mismatch",
            f"the topic lies in {region}, and alarms are signed for {platform.region}",
            path=path,
            value=topic,
            fix=f"name a topic in {platform.region}",
        )
