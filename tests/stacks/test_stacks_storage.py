"""A platform with everything that models can be read from: what is made, what it holds on to, what the checkers say."""

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
from snapshot_files import compare
from test_stacks_checkers import ACCEPTED_WARNINGS, RUN_CFN_LINT
from test_stacks_nag import ACCEPTED, READER, rule
from test_stacks_snapshots import OF_STORAGE

from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth
from stacks.application import build_app

pytest_plugins = ["stacks_fixtures"]

Templates = dict[str, dict[str, Any]]

FURTHER_ACCEPTED = {
    "AwsSolutions-IAM5[Resource::<ModelStoreFDBAEA34.Arn>/models/mistral/*]": READER,
    "AwsSolutions-IAM5[Resource::<ModelStoreFDBAEA34.Arn>/models/qwen/*]": READER,
    "AwsSolutions-IAM5[Resource::<ModelStoreFDBAEA34.Arn>/compiled/qwen/unpinned/v1/l40s/tp1/*]": "a job writes the "
    "programs of its model there, and the model's pods read them",
    "AwsSolutions-IAM5[Resource::<ModelStoreFDBAEA34.Arn>/models/*]": "the writer uploads any model and deletes none; "
    "the driver reads any, and a volume shows one",
    "AwsSolutions-IAM5[Resource::*]": "DescribeFileSystems and DescribeAvailabilityZones know no resource",
    "AwsSolutions-IAM5[Resource::arn:aws:elasticfilesystem:us-east-1:<AWS::AccountId>:file-system/*]": (
        "mount targets are only looked at, and the driver is there before a file system may be"
    ),
}


@pytest.mark.parametrize("unit", OF_STORAGE)
def test_the_template_with_storage_is_the_one_that_was_reviewed(stored: Templates, unit: str) -> None:
    compare(stored[f"ai-{unit}"], f"storage/{unit}")


def test_our_rules_find_nothing(stored_folder: Path) -> None:
    assert findings(read_synth(stored_folder)) == ()


def test_cfn_lint_finds_nothing_new(stored_folder: Path) -> None:
    templates = [str(path) for path in stored_folder.glob("*.template.json")]
    command = [sys.executable, "-c", RUN_CFN_LINT, "--format", "json", *templates]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [item for item in json.loads(result.stdout) if item["Rule"]["Id"] not in ACCEPTED_WARNINGS] == []


def test_cdk_nag_finds_what_is_accepted_for_storage_and_nothing_else(tmp_path: Path) -> None:
    app = build_app(samples.stored(), samples.charts, outdir=str(tmp_path), validate=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="validation"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    assert {rule(violation["ruleName"]) for violation in nag["violations"]} == {*ACCEPTED, *FURTHER_ACCEPTED}


def resources(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [item for item in template["Resources"].values() if item["Type"] == kind]


def test_whatever_holds_data_is_kept_and_its_stack_protected(stored: Templates, stored_folder: Path) -> None:
    kinds = ("AWS::FSx::FileSystem", "AWS::EFS::FileSystem", "AWS::S3::Bucket", "AWS::KMS::Key")
    holders = [item for kind in kinds for item in resources(stored["ai-storage"], kind)]
    assert len(holders) == 1 + 1 + 1 + 3
    assert {(item["DeletionPolicy"], item["UpdateReplacePolicy"]) for item in holders} == {("Retain", "Retain")}
    manifest = json.loads((stored_folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["artifacts"]["ai-storage"]["properties"]["terminationProtection"] is True


def test_a_driver_is_installed_for_each_file_system_and_reaches_tainted_nodes(stored: Templates) -> None:
    addons = {
        item["Properties"]["AddonName"]: item["Properties"]
        for item in resources(stored["ai-addons"], "AWS::EKS::Addon")
    }
    assert sorted(addons) == [
        "aws-efs-csi-driver",
        "aws-fsx-csi-driver",
        "aws-mountpoint-s3-csi-driver",
        "aws-secrets-store-csi-driver-provider",
        "coredns",
        "eks-node-monitoring-agent",
    ]
    for name in ("aws-fsx-csi-driver", "aws-mountpoint-s3-csi-driver"):
        assert json.loads(addons[name]["ConfigurationValues"]) == {"node": {"tolerateAllTaints": True}}
    accounts = {
        name: [one["ServiceAccount"] for one in item.get("PodIdentityAssociations", [])]
        for name, item in addons.items()
    }
    assert accounts["aws-fsx-csi-driver"] == ["fsx-csi-controller-sa"]
    assert accounts["aws-efs-csi-driver"] == ["efs-csi-node-sa"]


def test_the_size_follows_the_models_that_read_from_it(stored: Templates) -> None:
    (system,) = resources(stored["ai-storage"], "AWS::FSx::FileSystem")
    # 141 GB in 120 s: 1,175 MB/s, which 1,200 GiB at 1,000 MB/s per TiB just miss
    assert system["Properties"]["StorageCapacity"] == 2400
    assert system["Properties"]["LustreConfiguration"]["PerUnitStorageThroughput"] == 1000


def test_the_volume_reaches_the_cluster_with_the_file_systems_name_in_it(stored: Templates) -> None:
    (manifest,) = [
        item["Properties"]["Manifest"]["Fn::Join"][1]
        for name, item in stored["ai-serving"]["Resources"].items()
        if name.startswith("llama")
    ]
    imported = [part["Fn::ImportValue"] for part in manifest if isinstance(part, dict)]
    assert len(imported) == 3
    assert all(name.startswith("ai-storage:") for name in imported)
    text = "".join(part if isinstance(part, str) else "TOKEN" for part in manifest)
    (volume,) = [one for one in json.loads(text) if one["kind"] == "PersistentVolume"]
    assert volume["spec"]["csi"]["volumeAttributes"] == {"dnsname": "TOKEN", "mountname": "TOKEN/models/llama"}


def test_both_parts_of_mountpoints_driver_read_every_model_and_are_there_before_it(
    stored: Templates, stored_folder: Path
) -> None:
    associations = [one["Properties"] for one in resources(stored["ai-storage"], "AWS::EKS::PodIdentityAssociation")]
    drivers = {one["ServiceAccount"] for one in associations if one["Namespace"] == "kube-system"}
    assert drivers == {"s3-csi-driver-controller-sa", "s3-csi-driver-sa"}
    reading = [
        statement
        for policy in resources(stored["ai-storage"], "AWS::IAM::Policy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if statement["Sid"] == "ReadModels"
    ]
    assert [one["Action"] for one in reading] == ["s3:GetObject"] * 2
    manifest = json.loads((stored_folder / "manifest.json").read_text(encoding="utf-8"))
    assert "ai-storage" in manifest["artifacts"]["ai-addons"]["dependencies"]
