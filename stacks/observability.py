"""The observability stack."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import CfnOutput
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.aws import keda_chart, prometheus_chart
from ai_on_eks.aws.addon_specs import monitoring_addons
from ai_on_eks.aws.addons import EksAddon
from ai_on_eks.aws.budget import PlatformBudget
from ai_on_eks.aws.helm import InstalledRelease
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.aws.managed_grafana import ManagedGrafana
from ai_on_eks.aws.managed_prometheus import ManagedPrometheus
from ai_on_eks.aws.platform_tags import PLATFORM_TAG
from ai_on_eks.aws.pod_identity import admit_pods
from ai_on_eks.descriptors.platform import DeliveryMode, Platform
from ai_on_eks.descriptors.platform_monitoring import MonitoringKind
from ai_on_eks.serving.monitoring.alerts import rule_groups
from ai_on_eks.serving.monitoring.names import NAMESPACE
from ai_on_eks.serving.monitoring.queries import query_address
from ai_on_eks.serving.storage import QUERY_OUTPUT
from ai_on_eks.serving.types import Workload
from stacks.base import PlatformStack


class ObservabilityStack(PlatformStack):
    """What collects metrics and raises alarms, what scales by them, and the budget, each where it is asked for.

    `query_address` is where metrics are asked for; None where nothing answers.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        platform: Platform,
        cluster: eks.ICluster,
        workloads: Sequence[Workload],
        scaler: HelmRelease | None = None,
    ) -> None:
        is_managed = platform.monitoring.kind is MonitoringKind.MANAGED
        super().__init__(
            scope,
            "observability",
            platform=platform,
            description="Metrics, alarms and budget of the AI platform",
            keeps_data=is_managed,
        )
        self.query_address = query_address(platform)
        remote_write_url, managed = None, None
        if is_managed:
            managed = ManagedPrometheus(
                self, "Prometheus", platform=platform, cluster=cluster, rule_groups=rule_groups(platform, workloads)
            )
            remote_write_url, self.query_address = managed.remote_write_url, managed.query_address
            CfnOutput(self, "RemoteWriteUrl", description="Where collectors send metrics to", value=remote_write_url)
            CfnOutput(self, QUERY_OUTPUT, description="Where metrics are asked for", value=managed.query_address)
            if platform.monitoring.managed_grafana is not None:
                dashboards = ManagedGrafana(
                    self,
                    "Grafana",
                    name=platform.name,
                    sign_in=platform.monitoring.managed_grafana,
                    metrics_arn=managed.workspace_arn,
                )
                CfnOutput(self, "GrafanaAddress", description="Where people see metrics", value=dashboards.address)
        if platform.monitoring.kind is MonitoringKind.IN_CLUSTER:
            for spec in monitoring_addons(platform):
                EksAddon(self, spec.name, spec=spec, cluster=cluster)
            if platform.monitoring.alarm_topic is not None:
                # A topic with a key of its own has to admit the role there as well.
                admit_pods(
                    self,
                    "AlarmSender",
                    cluster=cluster,
                    namespace=NAMESPACE,
                    service_account=prometheus_chart.ALERTMANAGER_SERVICE_ACCOUNT,
                    statement=iam.PolicyStatement(actions=["sns:Publish"], resources=[platform.monitoring.alarm_topic]),
                )
        if platform.monitoring.is_on and platform.delivery.mode is DeliveryMode.APPLY:
            release = prometheus_chart.release(platform, remote_write_url)
            InstalledRelease(self, release.name, release=release, cluster=cluster)
        if scaler is not None:
            self._add_scaler(scaler, platform, cluster, managed)
        if platform.budget is not None:
            PlatformBudget(self, "Budget", budget=platform.budget, tag=(PLATFORM_TAG, platform.name))

    def _add_scaler(
        self, release: HelmRelease, platform: Platform, cluster: eks.ICluster, managed: ManagedPrometheus | None
    ) -> None:
        """Here and not beside other charts: its pods have to start after they may ask the workspace."""
        reader = None
        if managed is not None:
            reader = managed.admit_reader(
                "Scaler", cluster=cluster, namespace=release.namespace, service_account=keda_chart.SERVICE_ACCOUNT
            )
        if platform.delivery.mode is DeliveryMode.APPLY:
            installed = InstalledRelease(self, release.name, release=release, cluster=cluster)
            if reader is not None:
                installed.node.add_dependency(reader)
