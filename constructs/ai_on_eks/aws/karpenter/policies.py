"""What Karpenter's controller may do in AWS.

    starts        only from templates and into fleets that carry the cluster's and a pool's tag from the first moment
    changes, ends only instances and templates that carry them already
    passes        only the nodes' role, only to EC2
    reads         what its region offers

Conditions as in Karpenter's own reference (1.15, reference/cloudformation, 2026-10), with three differences: resources
that only this account can own are named in it; instance profiles are ours and not Karpenter's to make, so it needs no
right to change IAM; and nothing is granted for gates that are off. Two policies, because IAM takes 6,144 characters in
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from msgspec import Struct

POOL_TAG = "karpenter.sh/nodepool"
CLUSTER_NAME_TAG = "eks:eks-cluster-name"

START = ("ec2:RunInstances", "ec2:CreateFleet")
STARTED = ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")
"""What a start makes, all of it in this account."""

READ = (
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeImages",
    "ec2:DescribeInstances",
    "ec2:DescribeInstanceStatus",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeLaunchTemplates",
    "ec2:DescribePlacementGroups",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSpotPriceHistory",
    "ec2:DescribeSubnets",
)

Json = dict[str, Any]


class Reach(Struct, frozen=True):
    """What the statements are confined to."""

    cluster: str
    cluster_arn: str
    region: str
    node_role_arn: str
    instance_profile_arn: str
    queue_arn: str


def life_cycle(stack: Stack, reach: Reach) -> list[iam.PolicyStatement]:
    """Starting, tagging and ending instances."""
    owned = {f"aws:ResourceTag/kubernetes.io/cluster/{reach.cluster}": "owned"}
    of_pool = {f"aws:ResourceTag/{POOL_TAG}": "*"}
    asked = {
        f"aws:RequestTag/kubernetes.io/cluster/{reach.cluster}": "owned",
        f"aws:RequestTag/{CLUSTER_NAME_TAG}": reach.cluster,
    }
    asked_for_pool = {f"aws:RequestTag/{POOL_TAG}": "*"}
    template = _ec2(stack, reach, "launch-template")
    instance = _ec2(stack, reach, "instance")
    made = [_ec2(stack, reach, kind) for kind in STARTED]
    return [
        _allow("StartFrom", START, _started_from(stack, reach)),
        _allow("StartFromTemplate", START, [template], {"StringEquals": owned, "StringLike": of_pool}),
        _allow(
            "StartTagged",
            (*START, "ec2:CreateLaunchTemplate"),
            made,
            {"StringEquals": asked, "StringLike": asked_for_pool},
        ),
        _allow(
            "TagWhatIsStarted",
            ("ec2:CreateTags",),
            made,
            {
                "StringEquals": {
                    **asked,
                    "ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"],
                },
                "StringLike": asked_for_pool,
            },
        ),
        _allow(
            "NameInstance",
            ("ec2:CreateTags",),
            [instance],
            {
                "StringEquals": owned,
                "StringLike": of_pool,
                "StringEqualsIfExists": {f"aws:RequestTag/{CLUSTER_NAME_TAG}": reach.cluster},
                "ForAllValues:StringEquals": {"aws:TagKeys": [CLUSTER_NAME_TAG, "karpenter.sh/nodeclaim", "Name"]},
            },
        ),
        _allow(
            "End",
            ("ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"),
            [instance, template],
            {"StringEquals": owned, "StringLike": of_pool},
        ),
    ]


def surroundings(stack: Stack, reach: Reach) -> list[iam.PolicyStatement]:
    """Reading offers, passing the role, hearing of interruptions."""
    return [
        _allow("PassNodeRole", ("iam:PassRole",), [reach.node_role_arn], {"StringEquals": _TO_EC2}),
        _allow("ReadProfile", ("iam:GetInstanceProfile",), [reach.instance_profile_arn]),
        # On no resource: it looks for profiles that it made itself, and finds none.
        _allow("ListProfiles", ("iam:ListInstanceProfiles",), ["*"]),
        _allow("ReadOffers", READ, ["*"], {"StringEquals": {"aws:RequestedRegion": reach.region}}),
        _allow("ReadPrices", ("pricing:GetProducts",), ["*"]),
        _allow("ReadImages", ("ssm:GetParameter",), [_parameters(stack, reach)]),
        _allow("FindEndpoint", ("eks:DescribeCluster",), [reach.cluster_arn]),
        _allow(
            "ReadZonalShift",
            ("arc-zonal-shift:GetManagedResource",),
            ["*"],
            {"StringEquals": {"arc-zonal-shift:ResourceIdentifier": reach.cluster_arn}},
        ),
        _allow("Hear", ("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"), [reach.queue_arn]),
    ]


_TO_EC2 = {"iam:PassedToService": ["ec2.amazonaws.com", "ec2.amazonaws.com.cn"]}


def _started_from(stack: Stack, reach: Reach) -> list[str]:
    """What a start refers to and leaves as it is. Images are Amazon's; subnets and reservations may be shared by
    another account."""
    return [
        _ec2(stack, reach, "image", account=""),
        _ec2(stack, reach, "snapshot", account=""),
        _ec2(stack, reach, "subnet", account="*"),
        _ec2(stack, reach, "capacity-reservation", account="*"),
        _ec2(stack, reach, "security-group"),
        _ec2(stack, reach, "placement-group"),
    ]


def _ec2(stack: Stack, reach: Reach, kind: str, *, account: str | None = None) -> str:
    owner = stack.account if account is None else account
    return f"arn:{stack.partition}:ec2:{reach.region}:{owner}:{kind}/*"


def _parameters(stack: Stack, reach: Reach) -> str:
    """The public parameters in which EKS names its images."""
    return f"arn:{stack.partition}:ssm:{reach.region}::parameter/aws/service/*"


def _allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], conditions: Json | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=list(actions), resources=list(resources), conditions=conditions or None)
