"""Nodes of a capacity block go before the block does.

    drained at = end − 60 minutes

EKS drains them by itself 40 minutes before the end, and EC2 terminates them 30 minutes before it, an UltraServer's 60
(EKS user guide, capacity-blocks-mng, 2026-11). Left to that, a request that is still running is cut off, and the group
goes on asking for instances that nobody has. Scaled to nothing, EKS drains each node within disruption budgets.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from aws_cdk import Aws, Stack
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

DRAIN_MINUTES = 60


class DrainBeforeEnd(Construct):
    """A schedule that scales one managed node group to nothing, once, with a role that can do only this."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's name
        *,
        group: eks.CfnNodegroup,
        ends: str,
    ) -> None:
        super().__init__(scope, id)
        role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}}
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(sid="ScaleTheGroup", actions=["eks:UpdateNodegroupConfig"], resources=[group.attr_arn])
        )
        request = {
            "ClusterName": group.cluster_name,
            "NodegroupName": group.attr_nodegroup_name,
            "ScalingConfig": {"MinSize": 0, "DesiredSize": 0},
        }
        self.resource = scheduler.CfnSchedule(
            self,
            "Resource",
            description=f"Drains the nodes of a capacity block that ends at {ends}",
            schedule_expression=f"at({drained_at(ends)})",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=f"arn:{Aws.PARTITION}:scheduler:::aws-sdk:eks:updateNodegroupConfig",
                role_arn=role.role_arn,
                input=Stack.of(self).to_json_string(request),
            ),
        )


def drained_at(ends: str) -> str:
    """The moment as EventBridge writes it, in UTC."""
    moment = datetime.fromisoformat(ends) - timedelta(minutes=DRAIN_MINUTES)
    return moment.strftime("%Y-%m-%dT%H:%M:%S")
