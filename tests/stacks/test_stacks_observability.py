"""The observability stack: both kinds of monitoring and the budget, clean by every checker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import stacks_samples as samples
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks
from msgspec.structs import replace
from snapshot_files import compare
from test_stacks_checkers import ACCEPTED_WARNINGS, RUN_CFN_LINT
from test_stacks_nag import ACCEPTED, rule

from ai_on_eks.descriptors.platform_monitoring import Budget, GrafanaSignIn, Monitoring, MonitoringKind
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth
from ai_on_eks.serving.storage import StorageAddresses
from ai_on_eks.serving.types import Autoscaling, LoadSignal
from stacks.application import Charts, Deployment, build_app

TOPIC = "arn:aws:sns:us-east-1:111122223333:alarms"
WORKSPACE = "ws-12345678-abcd-4bcd-9abc-123456789012"

KINDS: dict[str, dict[str, Any]] = {
    "in-cluster": {
        "monitoring": Monitoring(kind=MonitoringKind.IN_CLUSTER, alarm_topic=TOPIC),
        "budget": Budget(usd_per_month=20_000, emails=("platform@example.com",)),
    },
    "managed": {"monitoring": Monitoring(kind=MonitoringKind.MANAGED, managed_grafana=GrafanaSignIn.IDENTITY_CENTER)},
}

VOLUMES = "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonEBSCSIDriverPolicy]"
ACCEPTED_HERE = {VOLUMES: "the add-on's permissions change with its versions; AWS maintains them"}


def deployment(kind: str, **changes: Any) -> Deployment:
    return samples.deployment(**{**KINDS[kind], **changes})


def template(folder: Path) -> dict[str, Any]:
    path = folder / "ai-observability.template.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def of_type(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [one for one in found["Resources"].values() if one["Type"] == kind]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With cdk-nag's report in it; what it finds ends the synth, after everything is written."""
    outdir = tmp_path_factory.mktemp(kind)
    app = build_app(deployment(kind), samples.charts, outdir=str(outdir), validate=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="validation"):
        app.synth()
    return outdir


def test_the_template_is_the_one_that_was_reviewed(kind: str, folder: Path) -> None:
    compare(template(folder), f"monitoring-{kind}/observability")


def test_our_rules_cfn_lint_and_cdk_nag_find_nothing(folder: Path) -> None:
    assert findings(read_synth(folder)) == ()
    command = [sys.executable, "-c", RUN_CFN_LINT, "--format", "json", *map(str, folder.glob("*.template.json"))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [one for one in json.loads(result.stdout) if one["Rule"]["Id"] not in ACCEPTED_WARNINGS] == []
    report = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    found = {rule(violation["ruleName"]) for violation in nag["violations"]}
    assert found - set(ACCEPTED) <= set(ACCEPTED_HERE)


def test_models_are_applied_after_what_looks_for_them(folder: Path) -> None:
    artifacts = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["artifacts"]
    assert "ai-observability" in artifacts["ai-serving"]["dependencies"]
    assert "ai-addons" in artifacts["ai-observability"]["dependencies"]


def synthesize(folder: Path, of: Deployment) -> dict[str, Any]:
    build_app(of, samples.charts, outdir=str(folder), validate=False).synth()
    return template(folder)


def test_the_workspace_outlives_its_stack_and_tells_an_encrypted_topic(tmp_path: Path) -> None:
    found = synthesize(tmp_path, deployment("managed"))
    (workspace,) = of_type(found, "AWS::APS::Workspace")
    assert (workspace["DeletionPolicy"], workspace["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert "alertmanager_config" in json.dumps(workspace["Properties"]["AlertManagerDefinition"])
    (topic,) = of_type(found, "AWS::SNS::Topic")
    assert "KmsMasterKeyId" in topic["Properties"]
    (namespace,) = of_type(found, "AWS::APS::RuleGroupsNamespace")
    groups = json.loads(namespace["Properties"]["Data"])["groups"]
    assert "ai-on-eks-pods" in {group["name"] for group in groups}


def test_only_the_agent_may_write_and_only_to_this_workspace(tmp_path: Path) -> None:
    found = synthesize(tmp_path, deployment("managed"))
    (association,) = of_type(found, "AWS::EKS::PodIdentityAssociation")
    assert association["Properties"]["ServiceAccount"] == "ai-on-eks-prometheus"
    writers = [
        statement
        for policy in of_type(found, "AWS::IAM::Policy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "aps:RemoteWrite"
    ]
    (workspace,) = [name for name, one in found["Resources"].items() if one["Type"] == "AWS::APS::Workspace"]
    assert [one["Resource"] for one in writers] == [{"Fn::GetAtt": [workspace, "Arn"]}]


def test_grafana_may_read_this_workspace_and_nothing_else_and_outlives_its_stack(tmp_path: Path) -> None:
    found = synthesize(tmp_path, deployment("managed"))
    (grafana,) = of_type(found, "AWS::Grafana::Workspace")
    assert (grafana["DeletionPolicy"], grafana["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert grafana["Properties"]["AuthenticationProviders"] == ["AWS_SSO"]
    (metrics,) = [name for name, one in found["Resources"].items() if one["Type"] == "AWS::APS::Workspace"]
    role = grafana["Properties"]["RoleArn"]["Fn::GetAtt"][0]
    statements = [
        statement
        for policy in of_type(found, "AWS::IAM::Policy")
        if policy["Properties"]["Roles"] == [{"Ref": role}]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    assert [one["Resource"] for one in statements] == [{"Fn::GetAtt": [metrics, "Arn"]}]
    assert all(action.startswith(("aps:Get", "aps:Query")) for action in statements[0]["Action"])
    trust = found["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_an_existing_workspace_is_written_to_and_not_made(tmp_path: Path) -> None:
    monitoring = Monitoring(kind=MonitoringKind.MANAGED, existing_workspace=WORKSPACE)
    of = deployment("managed", monitoring=monitoring, **samples.rendered())
    found = synthesize(tmp_path, of)
    assert of_type(found, "AWS::APS::Workspace") == of_type(found, "AWS::SNS::Topic") == []
    (release,) = of.observers()
    (remote,) = release.values["prometheus"]["prometheusSpec"]["remoteWrite"]
    assert remote["url"] == (
        f"https://aps-workspaces.us-east-1.amazonaws.com/workspaces/{WORKSPACE}/api/v1/remote_write"
    )


def test_alertmanager_may_publish_to_the_named_topic_alone(tmp_path: Path) -> None:
    found = synthesize(tmp_path, deployment("in-cluster"))
    statements = [
        statement
        for policy in of_type(found, "AWS::IAM::Policy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
    ]
    assert [one["Resource"] for one in statements if one["Action"] == "sns:Publish"] == [TOPIC]


def test_the_budget_counts_what_carries_the_platform_s_tag(tmp_path: Path) -> None:
    found = synthesize(tmp_path, deployment("in-cluster"))
    (budget,) = of_type(found, "AWS::Budgets::Budget")
    assert budget["Properties"]["Budget"]["CostFilters"] == {"TagKeyValue": ["user:ai-on-eks/platform$ai"]}
    kinds = [one["Notification"]["NotificationType"] for one in budget["Properties"]["NotificationsWithSubscribers"]]
    assert kinds == ["ACTUAL", "FORECASTED"]


def scaled(kind: str, **changes: Any) -> Deployment:
    """With one model that is scaled by metrics."""
    signals = (LoadSignal("demand", "sum(a)", 16.0, is_divided=True),)
    scaling = Autoscaling(least=1, most=3, planned=1, ready_seconds=300.0, signals=signals, region="us-east-1")
    of = deployment(kind, **changes)
    return replace(of, workloads=(replace(of.workloads[0], autoscaling=scaling), *of.workloads[1:]))


def test_keda_may_ask_this_workspace_and_starts_after_it_may(tmp_path: Path) -> None:
    asked: list[StorageAddresses] = []

    def charts(addresses: StorageAddresses) -> Charts:
        asked.append(addresses)
        query = samples.config_map("asks", {"address": addresses.metrics or ""})
        return replace(samples.charts(addresses), monitoring=[query])

    build_app(scaled("managed"), charts, outdir=str(tmp_path), validate=False).synth()
    found = template(tmp_path)
    readers = {
        name: statement["Resource"]
        for name, policy in found["Resources"].items()
        if policy["Type"] == "AWS::IAM::Policy"
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Action"] == "aps:QueryMetrics"
    }
    (workspace,) = [name for name, one in found["Resources"].items() if one["Type"] == "AWS::APS::Workspace"]
    assert list(readers.values()) == [{"Fn::GetAtt": [workspace, "Arn"]}]
    (association,) = [
        name
        for name, one in found["Resources"].items()
        if one["Type"] == "AWS::EKS::PodIdentityAssociation"
        and (one["Properties"]["Namespace"], one["Properties"]["ServiceAccount"]) == ("keda", "keda-operator")
    ]
    (release,) = [
        one for one in of_type(found, "Custom::AWSCDK-EKS-HelmChart") if one["Properties"]["Release"] == "keda"
    ]
    assert association in release["DependsOn"]
    serving = json.loads((tmp_path / "ai-serving.template.json").read_text(encoding="utf-8"))
    assert "WorkspaceId" in json.dumps(serving)
    assert findings(read_synth(tmp_path)) == ()


def test_keda_needs_no_role_for_the_cluster_s_own_prometheus(tmp_path: Path) -> None:
    found = synthesize(tmp_path, scaled("in-cluster"))
    assert "aps:QueryMetrics" not in json.dumps(found)
    releases = {one["Properties"]["Release"] for one in of_type(found, "Custom::AWSCDK-EKS-HelmChart")}
    assert releases == {"kube-prometheus-stack", "keda"}


def test_a_rendered_keda_is_a_file_and_no_resource(tmp_path: Path) -> None:
    of = scaled("in-cluster", **samples.rendered())
    found = synthesize(tmp_path, of)
    assert of_type(found, "Custom::AWSCDK-EKS-HelmChart") == []
    assert [release.name for release in of.observers()] == ["kube-prometheus-stack", "keda"]


def test_without_monitoring_and_budget_there_is_no_such_stack(tmp_path: Path) -> None:
    build_app(samples.deployment(), samples.charts, outdir=str(tmp_path), validate=False).synth()
    assert not (tmp_path / "ai-observability.template.json").exists()
