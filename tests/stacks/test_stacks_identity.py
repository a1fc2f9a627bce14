"""What roles may do, read from every template of every platform that is tested, independently of the review's rules."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest

from ai_on_eks.review.rules.facts import read

pytest_plugins = ["stacks_fixtures"]

IDENTITY_POLICIES = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy", "AWS::IAM::Role")
RESOURCE_POLICIES = {
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
    "AWS::EFS::FileSystem": "FileSystemPolicy",
}

ON_EVERY_RESOURCE = frozenset({"ec2:DescribeAvailabilityZones", "fsx:DescribeFileSystems"})
"""All that any role of ours may do on `*`. Who makes it longer gives the reason in the rules' list."""

Resources = dict[str, dict[str, Any]]
Templates = dict[str, dict[str, Any]]


@pytest.fixture(params=["applied", "rendered", "stored"])
def resources(request: pytest.FixtureRequest) -> Resources:
    """Every resource of a platform by stack and logical id."""
    templates: Templates = request.getfixturevalue(request.param)
    return of_all(templates)


def of_all(templates: Templates) -> Resources:
    return {f"{stack}.{name}": item for stack, one in templates.items() for name, item in one["Resources"].items()}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(resources: Resources) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything that a policy of an identity allows."""
    for name, item in resources.items():
        if item["Type"] not in IDENTITY_POLICIES:
            continue
        properties = item["Properties"]
        own = [one["PolicyDocument"] for one in properties.get("Policies", [])]
        for document in (properties.get("PolicyDocument"), *own):
            for statement in document["Statement"] if document else []:
                if statement["Effect"] == "Allow":
                    yield name, statement


def test_no_role_is_allowed_actions_by_wildcard(resources: Resources) -> None:
    allowed = list(statements(resources))
    assert allowed
    assert [(name, action) for name, one in allowed for action in listed(one["Action"]) if "*" in action] == []
    assert [name for name, one in allowed if "NotAction" in one or "NotResource" in one] == []


def test_only_listed_actions_are_allowed_on_every_resource(resources: Resources) -> None:
    everywhere = [one for _name, one in statements(resources) if "*" in listed(one["Resource"])]
    assert {action for one in everywhere for action in listed(one["Action"])} <= ON_EVERY_RESOURCE


def test_every_action_on_the_list_is_used_and_has_a_reason(stored: Templates) -> None:
    used = {action for _name, one in statements(of_all(stored)) for action in listed(one["Action"])}
    assert used >= ON_EVERY_RESOURCE
    reasons = read("iam.json")["wildcard_resource_actions"]
    assert all(any(fnmatchcase(action, pattern) for pattern in reasons) for action in ON_EVERY_RESOURCE)
    assert all(reason.strip() for reason in reasons.values())


def test_nobody_but_the_account_is_let_in_without_a_condition(resources: Resources) -> None:
    """GIVEN a policy of a resource WHEN it admits everybody THEN a condition says who is meant."""
    unconditional = [
        (name, one.get("Sid"))
        for name, item in resources.items()
        if item["Type"] in RESOURCE_POLICIES
        for one in item["Properties"].get(RESOURCE_POLICIES[item["Type"]], {}).get("Statement", [])
        if one["Effect"] == "Allow" and one["Principal"] in ("*", {"AWS": "*"}) and not one.get("Condition")
    ]
    assert unconditional == []


def test_no_role_deletes_weights_and_only_the_writer_uploads_them(resources: Resources) -> None:
    actions: dict[str, set[str]] = {}
    for name, one in statements(resources):
        actions.setdefault(name, set()).update(listed(one["Action"]))
    assert not [name for name, found in actions.items() if any(one.startswith("s3:Delete") for one in found)]
    writers = {name for name, found in actions.items() if "s3:PutObject" in found}
    # The one that compiles a model's programs writes below compiled/, where no weights are.
    compilers = {name for name in writers if "compiler" in name}
    assert all(name.startswith("ai-storage.ModelWriter") for name in writers - compilers)
    for name, one in statements(resources):
        if name in compilers and "s3:PutObject" in listed(one["Action"]):
            assert all("/compiled/" in str(where) for where in listed(one["Resource"])), name
