"""IAM roles and policies, Pod Identity."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from ai_on_eks.review.rules.assembly import Resource
from ai_on_eks.review.rules.facts import nearest, read
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import HOLE, Unknown, dig, is_known, items, may_be, possible_items

POD_IDENTITY = "pods.eks.amazonaws.com"
SCOPING_KEYS = ("aws:RequestTag/kubernetes-namespace", "aws:SourceArn", "aws:SourceAccount")
"""Condition keys that hold a Pod Identity role to a cluster, an account or a namespace."""

INSTANCE_ACTIONS = (
    "ec2:CreateTags",
    "ec2:DeleteLaunchTemplate",
    "ec2:DeleteTags",
    "ec2:RebootInstances",
    "ec2:StopInstances",
    "ec2:TerminateInstances",
)
"""What ends an instance, or makes it look like somebody else's."""

AWS_POLICY = "iam::aws:policy/"


def _statements(resource: Resource) -> list[Any]:
    """Every allowing statement of the resource's own policies."""
    documents = [
        resource.get("PolicyDocument"),
        *(dig(one, "PolicyDocument") for one in items(resource.get("Policies"))),
    ]
    found = [statement for document in documents for statement in items(dig(document, "Statement"))]
    return [statement for statement in found if dig(statement, "Effect") == "Allow"]


def _wildcard_action(resource: Resource) -> Iterator[str]:
    for statement in _statements(resource):
        for action in items(dig(statement, "Action")):
            if (
                isinstance(action, str)
                and "*" in action
                and action not in read("iam.json")["wildcard_resource_actions"]
            ):
                yield f"allows {action.replace(HOLE, '…')}"
        if dig(statement, "NotAction") is not None:
            yield "allows everything but what NotAction names"


def _wildcard_resource(resource: Resource) -> Iterator[str]:
    reasoned = read("iam.json")["wildcard_resource_actions"]
    for statement in _statements(resource):
        if "*" not in items(dig(statement, "Resource")):
            continue
        actions = [action for action in items(dig(statement, "Action")) if isinstance(action, str)]
        unreasoned = [one for one in actions if not any(fnmatchcase(one, pattern) for pattern in reasoned)]
        if unreasoned and not dig(statement, "Condition"):
            yield f"allows {', '.join(unreasoned)} on every resource"


def _unscoped_instances(resource: Resource) -> Iterator[str]:
    for statement in _statements(resource):
        actions = [action for action in items(dig(statement, "Action")) if action in INSTANCE_ACTIONS]
        every = [one for one in items(dig(statement, "Resource")) if isinstance(one, str) and one.endswith("/*")]
        if actions and every and not dig(statement, "Condition"):
            yield f"allows {', '.join(actions)} on {every[0].replace(HOLE, '…')}"


def _managed_policy(role: Resource) -> Iterator[str]:
    known = read("iam.json")["managed_policies"]
    for arn in items(role.get("ManagedPolicyArns")):
        if isinstance(arn, str) and AWS_POLICY in arn:
            name = arn.partition(AWS_POLICY)[2]
            if is_known(name) and name not in known:
                yield f"{name} is not on the list of AWS's policies with a reason{nearest(name, known)}"


def _trust_statements(role: Resource) -> list[Any]:
    return items(role.get("AssumeRolePolicyDocument", "Statement"))


def _trust_anyone(role: Resource) -> Iterator[str]:
    for statement in _trust_statements(role):
        principal = dig(statement, "Principal")
        anyone = principal == "*" or "*" in items(dig(principal, "AWS") if isinstance(principal, dict) else None)
        if anyone and dig(statement, "Effect") == "Allow":
            yield "anyone may take the role"


def _of_pod_identity(role: Resource) -> list[Any]:
    return [one for one in _trust_statements(role) if POD_IDENTITY in items(dig(one, "Principal", "Service"))]


def _pod_identity_actions(role: Resource) -> Iterator[str]:
    statements = _of_pod_identity(role)
    actions = [action for one in statements for action in possible_items(dig(one, "Action"))]
    for action in ("sts:AssumeRole", "sts:TagSession"):
        if statements and not any(may_be(one, action) for one in actions):
            yield f"{POD_IDENTITY} is not allowed {action}"


def _pod_identity_conditions(role: Resource) -> Iterator[str]:
    for statement in _of_pod_identity(role):
        condition = dig(statement, "Condition")
        tests = [*condition.values()] if isinstance(condition, dict) else possible_items(condition)
        if not any(isinstance(test, Unknown) or set(test) & set(SCOPING_KEYS) for test in tests):
            yield "any pod of any cluster of the account may take the role"


def _association_twice(association: Resource) -> Iterator[str]:
    key = _account_of(association)
    first = next(
        (
            one
            for one in association.template.assembly.of_type("AWS::EKS::PodIdentityAssociation")
            if _account_of(one) == key
        ),
        association,
    )
    if first is not association and is_known(list(key)):
        yield f"{key[0]}/{key[1]} already has the role of {first.name}"


def _account_of(association: Resource) -> tuple[Any, Any]:
    return association.get("Namespace"), association.get("ServiceAccount")


_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role", "AWS::IAM::RolePolicy")
_ROLE = ("AWS::IAM::Role",)

RULES = (
    Rule(
        "iam-wildcard-action", _POLICIES, "a policy that allows actions by wildcard",
        "Tomorrow's actions are allowed with today's.", "name the actions", _wildcard_action,
    ),
    Rule(
        "iam-wildcard-resource", _POLICIES, "a policy for every resource, without condition",
        "The role reaches what belongs to others. Actions that know no resource are on a list with reasons.",
        "name the resources or add a condition", _wildcard_resource,
    ),
    Rule(
        "iam-instances-unscoped", _POLICIES, "a policy to end or rename every instance, without condition",
        "A controller that is tricked, or confused by a tag, ends instances of other clusters and of no cluster.",
        "add a condition on the cluster's tag", _unscoped_instances,
    ),
    Rule(
        "iam-managed-policy", _ROLE, "one of AWS's policies that is not on the list with reasons",
        "They grow without asking, and most hold more than a role needs.", "write a policy of its own",
        _managed_policy,
    ),
    Rule(
        "iam-trust-anyone", _ROLE, "a role that anyone may take", "The role is public.", "name the principal",
        _trust_anyone,
    ),
    Rule(
        "pod-identity-actions", _ROLE, "a Pod Identity role without sts:AssumeRole or sts:TagSession",
        "The agent gets no credentials and the pod sees only a time-out.", "allow both", _pod_identity_actions,
    ),
    Rule(
        "pod-identity-conditions", _ROLE, "a Pod Identity role without a condition on cluster or namespace",
        "Whoever may make an association in any cluster gets the role.",
        "compare the session tags kubernetes-namespace and eks-cluster-arn", _pod_identity_conditions,
    ),
    Rule(
        "pod-identity-twice", ("AWS::EKS::PodIdentityAssociation",), "two associations for one service account",
        "EKS takes one; the second creation fails.", "remove one of the two", _association_twice,
    ),
)  # fmt: skip
