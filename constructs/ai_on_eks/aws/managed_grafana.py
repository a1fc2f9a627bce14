"""Amazon Managed Grafana: a workspace whose people come from the organization, and which may read one workspace of
metrics.

Its data source and the dashboard are made in Grafana itself, whose API takes a token that CloudFormation has not got.
"""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import RemovalPolicy, Stack
from aws_cdk import aws_grafana as grafana
from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.descriptors.platform_monitoring import GrafanaSignIn

SIGN_IN: Mapping[GrafanaSignIn, str] = {GrafanaSignIn.IDENTITY_CENTER: "AWS_SSO", GrafanaSignIn.SAML: "SAML"}

READ_ACTIONS = ("aps:GetLabels", "aps:GetMetricMetadata", "aps:GetSeries", "aps:QueryMetrics")
"""What Grafana's data source calls (docs.aws.amazon.com/prometheus, AMP-onboard-query-standalone-grafana, 2026-11).
Listing workspaces is left out: it knows no resource, and the address of the one is an output of the stack."""


class ManagedGrafana(Construct):
    """A workspace with a role of its own that reads `metrics_arn` and nothing else. `address` is where people go."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        name: str,
        sign_in: GrafanaSignIn,
        metrics_arn: str,
    ) -> None:
        super().__init__(scope, id)
        role = iam.Role(
            self,
            "Role",
            description="Amazon Managed Grafana reads the platform's metrics",
            assumed_by=iam.ServicePrincipal(
                "grafana.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            ),
        )
        role.add_to_policy(iam.PolicyStatement(actions=list(READ_ACTIONS), resources=[metrics_arn]))
        workspace = grafana.CfnWorkspace(
            self,
            "Resource",
            name=name,
            description="Dashboards of the AI platform",
            account_access_type="CURRENT_ACCOUNT",
            authentication_providers=[SIGN_IN[sign_in]],
            permission_type="CUSTOMER_MANAGED",
            role_arn=role.role_arn,
            # Without a version it is the newest at creation; the data source of the service is there from 12 on.
        )
        workspace.apply_removal_policy(RemovalPolicy.RETAIN)  # dashboards and who may see them live nowhere else
        self.address = workspace.attr_endpoint
