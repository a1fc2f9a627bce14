"""What the load balancer controller may do in AWS.

    makes           application load balancers, target groups and security groups that carry the cluster's tag
    changes, ends   only those that carry it already; listeners and rules by the names that it gives
    opens           the nodes' security group, which carries the cluster's other tag
    reads           what stands in the region

Actions as in its own policy (kubernetes-sigs/aws-load-balancer-controller, docs/install/iam_policy.json, 3.7, 2026-11),
without those for network load balancers, web firewalls, Cognito and certificates that it would look for; and confined
to this region, this account and this cluster, where that one admits any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from constructs import Construct

from ai_on_eks.aws import load_balancer_chart
from ai_on_eks.aws.pod_identity import pod_identity_role

CLUSTER_TAG = "elbv2.k8s.aws/cluster"
"""On all that the controller makes, with the cluster's name."""

NAMES = "k8s-*"
"""Of the load balancers and target groups that it makes."""

READ = (
    "ec2:DescribeAccountAttributes",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeInstances",
    "ec2:DescribeInternetGateways",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeTags",
    "ec2:DescribeVpcPeeringConnections",
    "ec2:DescribeVpcs",
    "ec2:GetSecurityGroupsForVpc",
    "ec2:ValidateSecurityGroupQuotasForInterface",
    "elasticloadbalancing:DescribeCapacityReservation",
    "elasticloadbalancing:DescribeListenerAttributes",
    "elasticloadbalancing:DescribeListenerCertificates",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancerAttributes",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeSSLPolicies",
    "elasticloadbalancing:DescribeTags",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "elasticloadbalancing:DescribeTrustStores",
)

MAKE = ("elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:CreateTargetGroup")

CHANGE = (
    "elasticloadbalancing:DeleteLoadBalancer",
    "elasticloadbalancing:DeleteTargetGroup",
    "elasticloadbalancing:DeregisterTargets",
    "elasticloadbalancing:ModifyLoadBalancerAttributes",
    "elasticloadbalancing:ModifyTargetGroup",
    "elasticloadbalancing:ModifyTargetGroupAttributes",
    "elasticloadbalancing:RegisterTargets",
    "elasticloadbalancing:SetIpAddressType",
    "elasticloadbalancing:SetSecurityGroups",
    "elasticloadbalancing:SetSubnets",
)

LISTEN = (
    "elasticloadbalancing:AddListenerCertificates",
    "elasticloadbalancing:CreateListener",
    "elasticloadbalancing:CreateRule",
    "elasticloadbalancing:DeleteListener",
    "elasticloadbalancing:DeleteRule",
    "elasticloadbalancing:ModifyListener",
    "elasticloadbalancing:ModifyListenerAttributes",
    "elasticloadbalancing:ModifyRule",
    "elasticloadbalancing:RemoveListenerCertificates",
    "elasticloadbalancing:SetRulePriorities",
)

INGRESS = ("ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress")
TAG = ("elasticloadbalancing:AddTags", "elasticloadbalancing:RemoveTags")

LINKED_ROLE = "aws-service-role/elasticloadbalancing.amazonaws.com/AWSServiceRoleForElasticLoadBalancing"

Json = dict[str, Any]


def admit_controller(scope: Construct, *, cluster: eks.ICluster, name: str) -> eks.CfnPodIdentityAssociation:
    """Let the controller's pods do all this. `name` is the cluster's, as the conditions compare it."""
    namespace, account = load_balancer_chart.NAMESPACE, load_balancer_chart.SERVICE_ACCOUNT
    role = pod_identity_role(scope, "LoadBalancerRole", cluster=cluster, namespace=namespace, service_account=account)
    for statement in statements(Stack.of(scope), name):
        role.add_to_policy(statement)
    association = eks.CfnPodIdentityAssociation(
        scope,
        "LoadBalancer",
        cluster_name=cluster.cluster_name,
        namespace=namespace,
        service_account=account,
        role_arn=role.role_arn,
    )
    policy = role.node.find_child("DefaultPolicy")
    association.node.add_dependency(policy)
    return association


def statements(stack: Stack, cluster: str) -> list[iam.PolicyStatement]:
    """Every right, in the order of the module's summary."""
    asked = {"StringEquals": {f"aws:RequestTag/{CLUSTER_TAG}": cluster}}
    owned = {"StringEquals": {f"aws:ResourceTag/{CLUSTER_TAG}": cluster}}
    of_cluster = {"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{cluster}": "owned"}}
    groups, network = [_ec2(stack, "security-group")], [_ec2(stack, "vpc")]
    balancers = [_elb(stack, "loadbalancer", f"app/{NAMES}"), _elb(stack, "targetgroup", NAMES)]
    listeners = [_elb(stack, kind, f"app/{NAMES}") for kind in ("listener", "listener-rule")]
    made = [action.partition(":")[2] for action in MAKE]
    return [
        _allow("Make", MAKE, balancers, asked),
        _allow(
            "TagWhatIsMade",
            ("elasticloadbalancing:AddTags",),
            balancers,
            {"StringEquals": {**asked["StringEquals"], "elasticloadbalancing:CreateAction": made}},
        ),
        _allow("MakeGroup", ("ec2:CreateSecurityGroup",), groups, asked),
        _allow("MakeGroupIn", ("ec2:CreateSecurityGroup",), network),
        _allow(
            "TagGroup",
            ("ec2:CreateTags",),
            groups,
            {"StringEquals": {**asked["StringEquals"], "ec2:CreateAction": "CreateSecurityGroup"}},
        ),
        _allow("Change", (*CHANGE, *TAG), balancers, owned),
        _allow("ChangeGroup", (*INGRESS, "ec2:DeleteSecurityGroup", "ec2:CreateTags", "ec2:DeleteTags"), groups, owned),
        _allow("Listen", LISTEN, [balancers[0], *listeners]),
        _allow("TagListeners", TAG, listeners),
        _allow("OpenNodes", INGRESS, groups, of_cluster),
        _allow("Read", READ, ["*"], {"StringEquals": {"aws:RequestedRegion": stack.region}}),
        _allow(
            "LinkRole",
            ("iam:CreateServiceLinkedRole",),
            [stack.format_arn(service="iam", region="", resource="role", resource_name=LINKED_ROLE)],
            {"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
        ),
    ]


def _allow(
    sid: str, actions: Sequence[str], resources: Sequence[str], conditions: Json | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(sid=sid, actions=list(actions), resources=list(resources), conditions=conditions)


def _ec2(stack: Stack, kind: str) -> str:
    return stack.format_arn(service="ec2", resource=kind, resource_name="*")


def _elb(stack: Stack, kind: str, names: str) -> str:
    """An ARN has more parts below the name, which the `*` at its end takes in."""
    return stack.format_arn(
        service="elasticloadbalancing", resource=kind, resource_name=names, arn_format=ArnFormat.SLASH_RESOURCE_NAME
    )
