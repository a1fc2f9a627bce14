"""The queue in which Karpenter hears of interruptions, so that nodes are drained before EC2 takes them."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

INTERRUPTIONS = {
    "ScheduledChange": ("aws.health", "AWS Health Event"),
    "SpotInterruption": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "Rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "StateChange": ("aws.ec2", "EC2 Instance State-change Notification"),
    "ReservationInterruption": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
}
"""Source and detail type by construct id, character for character (Karpenter 1.15, reference/cloudformation, 2026-10).
EventBridge compares nothing else, and a name it does not know never matches."""

KEEP_MESSAGES_MINUTES = 5
"""A warning of spot comes two minutes ahead; an older message is about a node that is gone."""


class InterruptionQueue(Construct):
    """An encrypted queue that only EventBridge's rules below may write to and that answers over TLS alone."""

    def __init__(self, scope: Construct, id: str, *, queue_name: str) -> None:  # noqa: A002 - CDK's name
        super().__init__(scope, id)
        self.queue = sqs.Queue(
            self,
            "Resource",
            queue_name=queue_name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=Duration.minutes(KEEP_MESSAGES_MINUTES),
        )
        for name, (source, detail_type) in INTERRUPTIONS.items():
            events.Rule(
                self,
                name,
                event_pattern=events.EventPattern(source=[source], detail_type=[detail_type]),
                targets=[targets.SqsQueue(self.queue)],
            )
