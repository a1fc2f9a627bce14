"""The platform file's `monitoring` and `budget`: who collects metrics, who is told of alarms, and what may be spent."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.schema import Strict

TopicArn = Annotated[str, StringConstraints(pattern=patterns.TOPIC_ARN.expression)]
WorkspaceId = Annotated[str, StringConstraints(pattern=patterns.PROMETHEUS_WORKSPACE.expression)]
Email = Annotated[str, StringConstraints(pattern=patterns.EMAIL.expression, max_length=50)]


class MonitoringKind(StrEnum):
    NONE = "none"
    IN_CLUSTER = "in-cluster"
    MANAGED = "managed"


class GrafanaSignIn(StrEnum):
    IDENTITY_CENTER = "identity-center"
    SAML = "saml"


class Monitoring(Strict):
    """Metrics, dashboards and alarms."""

    kind: MonitoringKind = Field(
        default=MonitoringKind.NONE,
        description="in-cluster = Prometheus, Alertmanager and Grafana on the system nodes; managed = an agent there "
        "that sends to Amazon Managed Service for Prometheus, which keeps metrics 150 days and raises the alarms",
    )
    retention_days: int = Field(
        default=15, ge=1, le=365, description="of metrics kept in the cluster (in-cluster only)"
    )
    storage_gib: int = Field(default=50, ge=10, le=16384, description="volume of the metrics kept in the cluster")
    existing_workspace: WorkspaceId | None = Field(
        default=None, description="send to this workspace of the region instead of creating one (managed only)"
    )
    alarm_topic: TopicArn | None = Field(
        default=None,
        description="SNS topic that alarms go to; default: with `managed` one is created, with `in-cluster` alarms "
        "stay in Alertmanager",
    )

    managed_grafana: GrafanaSignIn | None = Field(
        default=None,
        description="make an Amazon Managed Grafana workspace that may read the metrics, whose people sign in by IAM "
        "Identity Center or by SAML; default: none (managed only: in-cluster brings its own)",
    )

    @property
    def is_on(self) -> bool:
        """Is there a collector that looks for pods?"""
        return self.kind is not MonitoringKind.NONE


class Budget(Strict):
    """A monthly limit on what is tagged as this platform's. Nothing is stopped when it is passed."""

    usd_per_month: int = Field(ge=1, le=100_000_000, description="the limit, in US dollars a calendar month")
    emails: tuple[Email, ...] = Field(
        min_length=1, max_length=10, description="who is told at 80 % spent, and when the forecast passes the limit"
    )
