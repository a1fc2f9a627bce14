"""IAM statements that a change adds, taken apart: one row for each action on each resource.

A statement that lists ten actions on two resources is twenty permissions; compared whole, one new action would show
all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.review.intrinsics import text_of
from ai_on_eks.review.rules.values import items

POLICY_TYPES = frozenset({
    "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::Role", "AWS::IAM::RolePolicy", "AWS::IAM::User",
    "AWS::IAM::UserPolicy", "AWS::IAM::Group", "AWS::IAM::GroupPolicy", "AWS::S3::BucketPolicy", "AWS::KMS::Key",
    "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy", "AWS::ECR::Repository", "AWS::EFS::FileSystem",
})  # fmt: skip
"""Types whose properties hold policy documents."""

Templates = Mapping[str, Mapping[str, Any]]


class Permission(Struct, frozen=True, order=True):
    """One action on one resource. `principal` is empty in a policy that belongs to a role; `condition` where there is
    none."""

    place: str
    effect: str
    action: str
    resource: str
    principal: str = ""
    condition: str = ""

    @property
    def service(self) -> str:
        return self.action.partition(":")[0]


def added_permissions(before: Templates, after: Templates) -> tuple[Permission, ...]:
    """Allowing permissions that are new, and denying ones that are gone, sorted."""
    old, new = set(_permissions(before)), set(_permissions(after))
    allowed = (one for one in new - old if one.effect == "Allow")
    no_longer_denied = (one for one in old - new if one.effect == "Deny")
    return tuple(sorted((*allowed, *no_longer_denied)))


def _permissions(templates: Templates) -> Iterator[Permission]:
    for stack, template in templates.items():
        for name, resource in template.get("Resources", {}).items():
            if resource["Type"] in POLICY_TYPES:
                place = f"{stack}/{name}"
                properties = resource.get("Properties", {})
                for statement in _statements(properties):
                    yield from _taken_apart(place, statement)
                for arn in items(properties.get("ManagedPolicyArns")):
                    yield Permission(place, "Allow", "(managed policy)", text_of(arn))


def _statements(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every statement of every policy document below the value."""
    if isinstance(value, list):
        for item in value:
            yield from _statements(item)
    elif isinstance(value, Mapping):
        if "Statement" in value:
            yield from (one for one in items(value["Statement"]) if isinstance(one, Mapping) and "Effect" in one)
        else:
            for item in value.values():
                yield from _statements(item)


def _taken_apart(place: str, statement: Mapping[str, Any]) -> Iterator[Permission]:
    condition = text_of(statement["Condition"]) if statement.get("Condition") else ""
    principal = text_of(statement["Principal"]) if "Principal" in statement else ""
    for action in _either(statement, "Action"):
        for resource in _either(statement, "Resource") or ("(itself)",):
            yield Permission(place, str(statement["Effect"]), action, resource, principal, condition)


def _either(statement: Mapping[str, Any], key: str) -> tuple[str, ...]:
    excepted = tuple(f"everything but {text_of(one)}" for one in items(statement.get(f"Not{key}")))
    return (*(text_of(one) for one in items(statement.get(key))), *excepted)
