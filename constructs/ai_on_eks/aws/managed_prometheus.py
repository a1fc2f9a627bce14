"""Amazon Managed Service for Prometheus: the workspace, its alarms, and who may write to it.

Metrics outlive the stack: a workspace that is deleted takes its history along.
"""

from __future__ import annotations

import json

from aws_cdk import Aws, RemovalPolicy, Stack
from aws_cdk import aws_aps as aps
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sns as sns
from constructs import Construct, IDependable

from ai_on_eks.aws.pod_identity import admit_pods
from ai_on_eks.aws.prometheus_chart import (
    PROMETHEUS_SERVICE_ACCOUNT,
    alert_routing,
    remote_write_of,
    workspace_endpoint,
)
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.serving.monitoring.names import NAMESPACE
from ai_on_eks.serving.monitoring.queries import workspace_address
from ai_on_eks.serving.types import Json

PROMETHEUS_SERVICE = "aps.amazonaws.com"

LOG_RETENTION = logs.RetentionDays.THREE_MONTHS


class ManagedPrometheus(Construct):
    """A workspace that judges our rules and tells a topic; whom an existing one tells is decided where it was made.
    `remote_write_url` is where the agent in the cluster sends to, `query_address` where it is asked.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        platform: Platform,
        cluster: eks.ICluster,
        rule_groups: list[Json],
    ) -> None:
        super().__init__(scope, id)
        existing = platform.monitoring.existing_workspace
        if existing is None:
            workspace = self._workspace(platform)
            workspace_arn, endpoint = workspace.attr_arn, workspace.attr_prometheus_endpoint
            self.query_address = workspace_address(platform.region, workspace.attr_workspace_id)
        else:
            account = Stack.of(self).account
            workspace_arn = f"arn:{Aws.PARTITION}:aps:{platform.region}:{account}:workspace/{existing}"
            endpoint = workspace_endpoint(platform.region, existing)
            self.query_address = workspace_address(platform.region, existing)
        self.workspace_arn = workspace_arn
        self.remote_write_url = remote_write_of(endpoint)
        aps.CfnRuleGroupsNamespace(
            self,
            "Rules",
            name=platform.name,
            workspace=workspace_arn,
            data=json.dumps({"groups": rule_groups}, sort_keys=True),  # JSON is YAML
        )
        admit_pods(
            self,
            "Writer",
            cluster=cluster,
            namespace=NAMESPACE,
            service_account=PROMETHEUS_SERVICE_ACCOUNT,
            statement=iam.PolicyStatement(actions=["aps:RemoteWrite"], resources=[workspace_arn]),
        )

    def admit_reader(self, id: str, *, cluster: eks.ICluster, namespace: str, service_account: str) -> IDependable:  # noqa: A002 - CDK's name
        """Let the pods of a service account ask for metrics; those that start before it is there never may."""
        return admit_pods(
            self,
            id,
            cluster=cluster,
            namespace=namespace,
            service_account=service_account,
            statement=iam.PolicyStatement(actions=["aps:QueryMetrics"], resources=[self.workspace_arn]),
        )

    def _workspace(self, platform: Platform) -> aps.CfnWorkspace:
        topic_arn = platform.monitoring.alarm_topic or self._topic().topic_arn
        log_group = logs.LogGroup(
            self,
            "WorkspaceLogs",
            log_group_name=f"/aws/vendedlogs/prometheus/{platform.name}",
            retention=LOG_RETENTION,
            removal_policy=RemovalPolicy.DESTROY,
        )
        workspace = aps.CfnWorkspace(
            self,
            "Resource",
            alias=platform.name,
            logging_configuration=aps.CfnWorkspace.LoggingConfigurationProperty(log_group_arn=log_group.log_group_arn),
            alert_manager_definition=json.dumps(_alert_manager(platform.region, topic_arn), sort_keys=True),
        )
        workspace.apply_removal_policy(RemovalPolicy.RETAIN)
        return workspace

    def _topic(self) -> sns.Topic:
        """Encrypted with a key that the service may use: SNS's own key lets no other service publish."""
        account = Stack.of(self).account
        from_here = {"StringEquals": {"aws:SourceAccount": account}}
        key = kms.Key(
            self,
            "TopicKey",
            description="Alarms of the AI platform",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN,
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(PROMETHEUS_SERVICE)],
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=["*"],  # in a key's own policy: this key
                conditions=from_here,
            )
        )
        topic = sns.Topic(self, "Topic", display_name="Alarms of the AI platform", master_key=key, enforce_ssl=True)
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(PROMETHEUS_SERVICE)],
                actions=["sns:GetTopicAttributes", "sns:Publish"],
                resources=[topic.topic_arn],
                conditions=from_here,
            )
        )
        return topic


def _alert_manager(region: str, topic_arn: str) -> Json:
    """The service wants Alertmanager's configuration wrapped, as text. It has no watchdog to leave out."""
    return {"alertmanager_config": json.dumps(alert_routing(region, topic_arn), sort_keys=True)}
