"""The CodeBuild project that reviews pull requests: what it runs, when, and what its role can do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from aws_cdk import App, Stack, Validations
from aws_cdk import aws_s3 as s3
from aws_templates import all_of, only, template_of
from cdk_nag import AwsSolutionsChecks

from ai_on_eks.aws.pull_request_review import EVENTS, PullRequestReview
from ai_on_eks.review.rules.assembly import read_assembly
from ai_on_eks.review.rules.checking import findings

CONNECTION = "arn:aws:codeconnections:us-east-1:111122223333:connection/0123abcd"
OLD_CONNECTION = CONNECTION.replace("codeconnections", "codestar-connections")

CODEBUILD = botocore.session.get_session().get_service_model("codebuild")


def review(stack: Stack, connection_arn: str = CONNECTION) -> PullRequestReview:
    return PullRequestReview(
        stack, "Review", name="ai-review", repository="org/platform", connection_arn=connection_arn
    )


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return template_of(review)


def properties(template: dict[str, Any], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = only(template, kind)["Properties"]
    return found


def statements(template: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = properties(template, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]
    return found


def test_it_runs_make_review_beside_the_branch_that_the_pull_request_is_for(template: dict[str, Any]) -> None:
    source = properties(template, "AWS::CodeBuild::Project")["Source"]
    commands = json.loads(source["BuildSpec"])["phases"]["build"]["commands"]
    assert commands[-1] == 'make review BASE="origin/$branch"'
    assert (source["Type"], source["Location"], source["ReportBuildStatus"]) == (
        "GITHUB", "https://github.com/org/platform.git", True,
    )  # fmt: skip
    assert "GitCloneDepth" not in source, "the merge base needs the history"


def test_pull_requests_against_the_branch_start_it_and_forks_wait_for_approval(template: dict[str, Any]) -> None:
    triggers = properties(template, "AWS::CodeBuild::Project")["Triggers"]
    ((event, base),) = triggers["FilterGroups"]
    assert (event["Type"], base["Type"], base["Pattern"]) == ("EVENT", "BASE_REF", "^refs/heads/main$")
    assert triggers["PullRequestBuildPolicy"] == {"RequiresCommentApproval": "FORK_PULL_REQUESTS"}


def test_the_role_writes_its_log_and_reads_the_repository_and_nothing_else(template: dict[str, Any]) -> None:
    allowed = {action for one in statements(template) for action in one["Action"]}
    assert allowed == {
        "logs:CreateLogStream", "logs:PutLogEvents",
        "codeconnections:GetConnection", "codeconnections:GetConnectionToken",
    }  # fmt: skip
    assert all(one["Resource"] != "*" for one in statements(template))
    (trust,) = properties(template, "AWS::IAM::Role")["AssumeRolePolicyDocument"]["Statement"]
    assert set(trust["Condition"]) == {"StringEquals", "ArnEquals"}


def test_a_connection_of_the_old_name_has_actions_of_the_old_name() -> None:
    template = template_of(lambda stack: review(stack, OLD_CONNECTION))
    allowed = {action for one in statements(template) for action in one["Action"]}
    assert {one for one in allowed if "onnection" in one} == {
        "codestar-connections:GetConnection", "codestar-connections:GetConnectionToken",
    }  # fmt: skip


def test_the_build_is_not_privileged_and_keeps_nothing(template: dict[str, Any]) -> None:
    project = properties(template, "AWS::CodeBuild::Project")
    assert (project["Environment"]["PrivilegedMode"], project["Artifacts"]) == (False, {"Type": "NO_ARTIFACTS"})
    assert "EnvironmentVariables" not in project["Environment"]


@pytest.mark.parametrize(
    ("shape", "used"),
    [
        ("ComputeType", {"BUILD_GENERAL1_MEDIUM"}),
        ("SourceAuthType", {"CODECONNECTIONS"}),
        ("WebhookFilterType", {"EVENT", "BASE_REF"}),
        ("PullRequestBuildCommentApproval", {"FORK_PULL_REQUESTS"}),
    ],
)
def test_the_words_are_those_of_the_api(shape: str, used: set[str]) -> None:
    assert used <= set(CODEBUILD.shape_for(shape).enum)


def test_the_events_are_pull_requests_alone() -> None:
    assert all(event.startswith("PULL_REQUEST_") for event in EVENTS.split(", "))


def test_our_rules_and_cdk_nag_find_nothing(template: dict[str, Any], tmp_path: Path) -> None:
    assert findings(read_assembly({"review": template})) == ()
    assert len(all_of(template, "AWS::CodeBuild::Project")) == 1
    app = App(outdir=str(tmp_path), builtin_cloud_formation_validation=False, analytics_reporting=False)
    review(Stack(app, "review"))
    s3.Bucket(Stack(app, "planted"), "Bucket")  # or a checker that does not run would find nothing either
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="validation"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    places = {place["constructPath"] for one in nag["violations"] for place in one["violatingConstructs"]}
    assert {place.partition("/")[0] for place in places} == {"planted"}
