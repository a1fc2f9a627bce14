"""The pipeline: what runs after what, what a role may do, and that a platform's stacks are the workstation's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pipeline_samples
import pytest
import stacks_samples as samples
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks
from snapshot_files import compare
from test_stacks_nag import ACCEPTED as ACCEPTED_OF_PLATFORMS
from test_stacks_nag import rule

from ai_on_eks.catalog.toolchain import toolchain
from ai_on_eks.descriptors.pipeline import Pipeline, Stage
from ai_on_eks.descriptors.platform_retention import Retention
from ai_on_eks.review.rules.acknowledged import ACKNOWLEDGED
from ai_on_eks.review.rules.assembly import read_assembly
from ai_on_eks.review.rules.checking import findings
from stacks.application import Charts, Deployment
from stacks.pipeline import Release, build_pipeline_app, cdk_version

pytest_plugins = ["stacks_fixtures"]

Template = Mapping[str, Any]


@pytest.fixture(scope="session")
def template(released_folder: Path) -> Template:
    content: Template = json.loads((released_folder / "release.template.json").read_text(encoding="utf-8"))
    return content


def of_type(template: Template, type_: str) -> list[Template]:
    return [one["Properties"] for one in template["Resources"].values() if one["Type"] == type_]


def actions(template: Template) -> dict[str, list[list[str]]]:
    """By stage of CodePipeline, the actions that run at the same time, in their order."""
    (pipeline,) = of_type(template, "AWS::CodePipeline::Pipeline")
    found: dict[str, list[list[str]]] = {}
    for stage in pipeline["Stages"]:
        orders = sorted({action["RunOrder"] for action in stage["Actions"]})
        found[stage["Name"]] = [
            [action["Name"] for action in stage["Actions"] if action["RunOrder"] == order] for order in orders
        ]
    return found


def builds(template: Template) -> dict[str, Any]:
    """Build specifications by what they are called in the pipeline."""
    return {
        name: json.loads(one["Properties"]["Source"]["BuildSpec"])
        for name, one in template["Resources"].items()
        if one["Type"] == "AWS::CodeBuild::Project"
    }


def commands(template: Template, part: str) -> list[str]:
    """Every command of the builds with this in their name."""
    return [
        command
        for name, build in builds(template).items()
        if part in name
        for phase in build["phases"].values()
        for command in phase.get("commands", ())
    ]


def stack_templates(folder: Path) -> dict[str, Template]:
    """Templates of all stages by name of their stack."""
    found = {}
    for manifest in folder.rglob("manifest.json"):
        for artifact in json.loads(manifest.read_text(encoding="utf-8"))["artifacts"].values():
            if artifact["type"] == "aws:cloudformation:stack":
                file = manifest.parent / artifact["properties"]["templateFile"]
                found[artifact["properties"].get("stackName", file.name.partition(".")[0])] = json.loads(
                    file.read_text("utf-8")
                )
    return found


def test_a_change_passes_dev_then_a_person_then_prod(template: Template) -> None:
    found = actions(template)
    assert list(found) == [
        "Source", "Build", "UpdatePipeline", "Assets", "dev-platform", "dev-models", "prod-platform", "prod-models",
    ]  # fmt: skip
    assert found["dev-platform"][0] == ["dev-review"]
    assert found["prod-platform"][:2] == [["prod-review"], ["prod-approval"]]
    for stage in ("dev", "prod"):
        assert found[f"{stage}-models"] == [
            [f"ai-{stage}-serving.Prepare"], [f"ai-{stage}-serving.Deploy"], [f"{stage}-record", f"{stage}-verify"],
        ]  # fmt: skip
        deployed = [name for group in found[f"{stage}-platform"] for name in group]
        assert deployed.index(f"ai-{stage}-network.Deploy") < deployed.index(f"ai-{stage}-cluster.Prepare")
        assert deployed.index(f"ai-{stage}-cluster.Deploy") < deployed.index(f"ai-{stage}-capacity.Prepare")


def test_stages_of_a_wave_are_released_side_by_side(tmp_path: Path) -> None:
    stages = (
        Stage(name="dev", platform="dev.yaml", wave="all"),
        Stage(name="prod", platform="prod.yaml", wave="all"),
    )
    pipeline_samples.synthesized(tmp_path, pipeline_samples.pipeline(stages=stages))
    found = actions(json.loads((tmp_path / "release.template.json").read_text(encoding="utf-8")))
    assert found["all-platform"][0] == ["dev-platform.dev-review", "prod-platform.prod-review"]
    assert found["all-models"][0] == ["dev-models.ai-dev-serving.Prepare", "prod-models.ai-prod-serving.Prepare"]


def test_whoever_approves_is_told_the_review(template: Template) -> None:
    (pipeline,) = of_type(template, "AWS::CodePipeline::Pipeline")
    by_name = {action["Name"]: action for stage in pipeline["Stages"] for action in stage["Actions"]}
    remark, namespace = by_name["prod-approval"]["Configuration"]["CustomData"], by_name["prod-review"]["Namespace"]
    assert f"#{{{namespace}.REVIEW}}" in remark
    assert f"#{{{namespace}.LOG}}" in remark
    (build,) = (build for name, build in builds(template).items() if "prodreview" in name)
    assert build["env"]["exported-variables"] == ["REVIEW", "LOG"]


def test_releases_wait_for_each_other(template: Template) -> None:
    (pipeline,) = of_type(template, "AWS::CodePipeline::Pipeline")
    assert (pipeline["PipelineType"], pipeline["ExecutionMode"]) == ("V2", "QUEUED")
    assert pipeline["RestartExecutionOnUpdate"]


def test_every_program_that_is_fetched_has_a_version(template: Template) -> None:
    fetched = [command for command in commands(template, "") if "npm install" in command]
    assert {command.rsplit(" ", 1)[1] for command in fetched} == {
        f"aws-cdk@{cdk_version()}",
        f"cdk-assets@{toolchain().cdk_assets}",
    }
    assert commands(template, "Synth") == ["make pipeline"]


def test_the_models_need_nothing_that_the_platforms_stage_does_not_export(released_folder: Path) -> None:
    templates = stack_templates(released_folder)
    exported = {
        output["Export"]["Name"]
        for name, template in templates.items()
        if not name.endswith("-serving")
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }
    for stage in ("dev", "prod"):
        imported = set(re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(templates[f"ai-{stage}-serving"])))
        assert imported == {f"ai-{stage}-KubectlServiceToken", f"ai-{stage}-Bucket"}
        assert imported <= exported


def test_every_kind_of_storage_reaches_the_models(tmp_path: Path) -> None:
    stored = samples.stored()

    def with_storage(made: Deployment) -> Deployment:
        platform = made.platform.model_copy(
            update={"storage": stored.platform.storage, "model_store": stored.platform.model_store}
        )
        return type(made)(platform, stored.system_instance_type, stored.requests, stored.workloads)

    pipeline_samples.synthesized(tmp_path, change=with_storage)
    serving = json.dumps(stack_templates(tmp_path)["ai-dev-serving"])
    imported = set(re.findall(r'"Fn::ImportValue": "([^"]+)"', serving))
    assert {"ai-dev-LustreId", "ai-dev-EfsId"} <= imported
    assert any(name.startswith("ai-dev-EfsAccessPoint-resnet") for name in imported)


def test_a_stack_is_the_one_that_a_workstation_deploys(
    released_folder: Path, synthesize: Callable[[Deployment], Path]
) -> None:
    """A platform moves into a pipeline, and out of it, without one resource being made anew."""
    from_pipeline = stack_templates(released_folder)
    for path in synthesize(pipeline_samples.deployment("dev")).glob("*.template.json"):
        stack = path.name.partition(".")[0]
        alone = json.loads(path.read_text(encoding="utf-8"))["Resources"]
        there = from_pipeline[stack]["Resources"]
        assert {name: one["Type"] for name, one in alone.items()} == {name: one["Type"] for name, one in there.items()}


def changed_stacks(before: Path, after: Path) -> set[str]:
    old, new = stack_templates(before), stack_templates(after)
    assert old.keys() == new.keys()
    return {name for name in old if old[name] != new[name]}


def test_a_change_of_models_touches_no_stack_of_the_platform(released_folder: Path, tmp_path: Path) -> None:
    def other_charts(addresses: Any) -> Charts:
        charts = samples.charts(addresses)
        models = {**charts.models, "llama": [samples.config_map("llama", {"revision": "next"})]}
        return Charts(nodes=charts.nodes, platform=charts.platform, models=models)

    asked = pipeline_samples.pipeline()
    releases = [Release(stage, pipeline_samples.deployment(stage.name), other_charts) for stage in asked.stages]
    app, _ = build_pipeline_app(asked, releases, outdir=str(tmp_path), validate=False)
    app.synth()
    assert changed_stacks(released_folder, tmp_path) - {"release"} == {"ai-dev-serving", "ai-prod-serving"}


def test_a_change_of_the_platform_restarts_no_model(released_folder: Path, tmp_path: Path) -> None:
    longer = Retention(flow_logs_days=365)
    pipeline_samples.synthesized(tmp_path, change=lambda made: pipeline_samples.with_platform(made, retention=longer))
    assert changed_stacks(released_folder, tmp_path) - {"release"} == {"ai-dev-network", "ai-prod-network"}


def statements(template: Template) -> Iterator[Template]:
    for policy in of_type(template, "AWS::IAM::Policy"):
        yield from policy["PolicyDocument"]["Statement"]


def test_no_build_may_do_everything_or_change_a_platform(template: Template) -> None:
    for statement in statements(template):
        listed = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        assert "*" not in listed
        assert not [action for action in listed if action.startswith(("iam:", "eks:", "cloudformation:Create"))]


def test_builds_of_a_stage_reach_the_records_of_that_stage_alone(template: Template) -> None:
    for name, one in template["Resources"].items():
        if one["Type"] != "AWS::IAM::Policy" or "dev" not in name:
            continue
        text = json.dumps(one["Properties"]["PolicyDocument"])
        assert "/prod/" not in text


def test_the_connection_is_used_by_the_name_that_its_arn_has(template: Template) -> None:
    allowed = [one["Action"] for one in statements(template) if one["Resource"] == pipeline_samples.CONNECTION]
    assert "codeconnections:UseConnection" in json.dumps(allowed)


def test_other_accounts_read_artifacts_by_their_deployment_roles_alone(template: Template) -> None:
    (key,) = of_type(template, "AWS::KMS::Key")
    others = json.dumps([one for one in key["KeyPolicy"]["Statement"] if one["Action"] != "kms:*"])
    for account in pipeline_samples.ACCOUNTS.values():
        assert re.findall(rf":iam::{account}:role/([a-z0-9-]+)", others) == [
            f"cdk-hnb659fds-deploy-role-{account}-us-east-1"
        ]


def test_only_the_verifying_builds_may_look_into_a_cluster(released_folder: Path) -> None:
    (role,) = (
        one
        for one in of_type(stack_templates(released_folder)["ai-dev-verification"], "AWS::IAM::Role")
        if one["RoleName"] == "ai-dev-verifier"
    )
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert "111122223333" in json.dumps(statement["Principal"])
    assert "role/release-verify" in json.dumps(statement["Condition"]["ArnEquals"]["aws:PrincipalArn"])
    (entry,) = of_type(stack_templates(released_folder)["ai-dev-verification"], "AWS::EKS::AccessEntry")
    assert "AmazonEKSAdminViewPolicy" in json.dumps(entry["AccessPolicies"])


def test_a_platform_that_is_not_verified_admits_nobody(tmp_path: Path) -> None:
    stages = (Stage(name="dev", platform="dev.yaml"),)
    pipeline_samples.synthesized(tmp_path, pipeline_samples.pipeline(stages=stages, build_network=None))
    found = stack_templates(tmp_path)
    assert "ai-dev-verification" not in found
    assert actions(found["release"])["dev-models"][-1] == ["dev-record"]


def test_the_templates_are_those_that_were_reviewed(template: Template, published: Template) -> None:
    compare({**template}, "pipeline/release")
    compare({**published}, "pipeline/published")


@pytest.fixture(scope="session")
def published(published_folder: Path) -> Template:
    content: Template = json.loads((published_folder / "release.template.json").read_text(encoding="utf-8"))
    return content


def test_a_gitops_stage_is_published_behind_its_platform_then_recorded_and_verified(published: Template) -> None:
    found = actions(published)
    assert list(found) == ["Source", "Build", "UpdatePipeline", "edge-platform"]
    assert found["edge-platform"][0] == ["edge-review"]
    assert found["edge-platform"][-3:] == [
        ["ai-edge-addons.Deploy"], ["edge-publish"], ["edge-record", "edge-verify"],
    ]  # fmt: skip
    waiting = commands(published, "edgeverify")[-1]
    assert waiting.startswith("tries=1; until .venv/bin/ai-on-eks verify")


def test_a_published_stage_may_write_to_its_repository_by_git_and_to_nothing_else(published: Template) -> None:
    (policy,) = (
        one["Properties"]["PolicyDocument"]["Statement"]
        for name, one in published["Resources"].items()
        if one["Type"] == "AWS::IAM::Policy" and "edgepublish" in name
    )
    (writing,) = [one for one in policy if one["Resource"] == pipeline_samples.WRITING_CONNECTION]
    assert writing["Action"] == "codeconnections:UseConnection"
    assert writing["Condition"] == {
        "StringEquals": {
            "codeconnections:FullRepositoryId": "org/rendered",
            "codeconnections:ProviderAction": ["GitPull", "GitPush"],
        }
    }
    others = [one for one in statements(published) if one != writing]
    assert "GitPush" not in json.dumps(others)
    assert pipeline_samples.WRITING_CONNECTION not in json.dumps(others)


def test_a_published_stage_is_told_where(published: Template) -> None:
    (project,) = (
        one["Properties"]
        for name, one in published["Resources"].items()
        if one["Type"] == "AWS::CodeBuild::Project" and "edgepublish" in name
    )
    told = {one["Name"]: one["Value"] for one in project["Environment"]["EnvironmentVariables"]}
    assert (told["STAGE"], told["BRANCH"], told["FOLDER"], told["AUTHOR"]) == ("edge", "edge", "gitops", "release")
    assert told["REMOTE"] == (
        "https://codeconnections.us-east-1.amazonaws.com/git-http/111122223333/us-east-1/"
        "76543210-89ab-cdef-0123-456789abcdef/org/rendered.git"
    )


def test_pull_requests_are_reviewed_where_it_is_asked_for(template: Template, tmp_path: Path) -> None:
    reviews = [one for one in of_type(template, "AWS::CodeBuild::Project") if one["Source"]["Type"] == "GITHUB"]
    assert [one["Name"] for one in reviews] == ["release-review"]
    assert reviews[0]["Source"]["Location"] == "https://github.com/org/platform.git"
    stages = (Stage(name="dev", platform="dev.yaml"),)
    asked = pipeline_samples.pipeline(stages=stages, build_network=None, review_pull_requests=False)
    pipeline_samples.synthesized(tmp_path, asked)
    assert '"GITHUB"' not in (tmp_path / "release.template.json").read_text(encoding="utf-8")


PIPELINE = (
    "as CDK's pipelines are made: a step's role reads and writes the pipeline's own artifacts, its logs and reports"
)
MUTATION = "the pipeline changes itself through the roles of CDK's bootstrap stack, which it finds by their tags"

GRANTED_BY_CDK = (
    "kms:GenerateDataKey*", "kms:ReEncrypt*", "s3:Abort*", "s3:DeleteObject*", "s3:GetBucket*", "s3:GetObject*",
    "s3:List*",
)  # fmt: skip

ACCEPTED = {
    **{f"AwsSolutions-IAM5[Action::{action}]": PIPELINE for action in GRANTED_BY_CDK},
    "AwsSolutions-IAM5[Resource::<Artifacts>/*]": PIPELINE,
    "AwsSolutions-IAM5[Resource::<Records>/<stage>/*]": "the wildcard stands below one stage's own prefix",
    "AwsSolutions-IAM5[Resource::logs]": PIPELINE,
    "AwsSolutions-IAM5[Resource::reports]": PIPELINE,
    "AwsSolutions-IAM5[Resource::arn:*:iam::111122223333:role/*]": MUTATION,
    "AwsSolutions-IAM5[Resource::*]": "builds in a network make interfaces, whose ids EC2 gives; CDK's own steps ask "
    "for stacks and builds",
    "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:network-interface/*]": "the "
    "same; a condition names the subnets",
    "AwsSolutions-S1": "CloudTrail's data events tell who read what; logs of access would need a third bucket",
}  # fmt: skip
"""What each is in general, and why it is accepted. What is said of a platform's own stacks is test_stacks_nag.py's."""


def generally(name: str) -> str:
    """A finding without the names that are made up for each step."""
    for beginning, general in (
        ("AwsSolutions-IAM5[Resource::<Artifacts", "AwsSolutions-IAM5[Resource::<Artifacts>/*]"),
        ("AwsSolutions-IAM5[Resource::<Records", "AwsSolutions-IAM5[Resource::<Records>/<stage>/*]"),
        ("AwsSolutions-IAM5[Resource::arn:aws:logs:", "AwsSolutions-IAM5[Resource::logs]"),
        ("AwsSolutions-IAM5[Resource::arn:aws:codebuild:", "AwsSolutions-IAM5[Resource::reports]"),
    ):
        if name.startswith(beginning):
            return general
    return rule(name)


FOUND_BY_CDK = (
    "cloudformation:DescribeStacks, s3:ListBucket",
    "codebuild:BatchGetBuilds, codebuild:StartBuild, codebuild:StopBuild",
)

ACCEPTED_BY_OUR_RULES = {
    *(("iam-wildcard-action", f"allows {action}") for action in GRANTED_BY_CDK),
    ("iam-wildcard-resource", "allows cloudformation:DescribeStacks, s3:ListBucket on every resource"),
    (
        "iam-wildcard-resource",
        "allows codebuild:BatchGetBuilds, codebuild:StartBuild, codebuild:StopBuild on every resource",
    ),
}
"""Rights of CDK's own steps, as cdk-nag finds them too."""


@pytest.mark.parametrize("which", ["template", "published"])
def test_our_rules_find_what_cdk_itself_grants_and_nothing_else(which: str, request: pytest.FixtureRequest) -> None:
    found = findings(read_assembly({"release": request.getfixturevalue(which)}), ACKNOWLEDGED)
    assert {(one.code, one.message) for one in found} <= ACCEPTED_BY_OUR_RULES
    of_ours = [one.path for one in found if one.path and ("PullRequests" in one.path or "Records" in one.path)]
    assert (bool(found), of_ours) == (True, [])


@pytest.mark.parametrize(
    ("asked", "change"),
    [
        pytest.param(pipeline_samples.pipeline(), lambda made: made, id="applied"),
        pytest.param(pipeline_samples.published(), pipeline_samples.by_gitops, id="published"),
    ],
)
def test_cdk_nag_finds_what_is_accepted_and_nothing_else(
    asked: Pipeline, change: Callable[[Deployment], Deployment], tmp_path: Path
) -> None:
    releases = [
        Release(stage, change(pipeline_samples.deployment(stage.name)), samples.charts) for stage in asked.stages
    ]
    app, stack = build_pipeline_app(asked, releases, outdir=str(tmp_path), validate=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(stack))
    with pytest.raises(Exception, match="validation"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    found = {generally(violation["ruleName"]) for violation in nag["violations"]}
    assert found - set(ACCEPTED_OF_PLATFORMS) == set(ACCEPTED) - set(ACCEPTED_OF_PLATFORMS)
