"""cdk-nag's AwsSolutions pack: what it finds is exactly what is accepted here, each with its reason.

cdk-nag does not see `aws_eks_v2` clusters; test_stacks_rules.py holds those rules.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import stacks_samples as samples
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks

from stacks.application import build_app

POLICY = "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{}]"
KUBECTL = "CDK's kubectl Lambda is as the library makes it; render mode has none"
NODE = "EKS documents this policy as what a node needs and keeps it in step with the service"
READER = "the wildcard stands below one model's own prefix, for reading"

ACCEPTED = {
    POLICY.format("AmazonEKSClusterPolicy"): "EKS documents this policy as what a control plane needs",
    POLICY.format("AmazonEKS_CNI_Policy"): "the add-on's permissions change with its versions; AWS maintains them",
    POLICY.format("AmazonEKSWorkerNodePolicy"): NODE,
    POLICY.format("AmazonEC2ContainerRegistryPullOnly"): NODE,
    POLICY.format("AmazonSSMManagedInstanceCore"): "a shell by Session Manager instead of SSH keys and an open port",
    POLICY.format("service-role/AWSLambdaBasicExecutionRole"): KUBECTL,
    POLICY.format("service-role/AWSLambdaVPCAccessExecutionRole"): KUBECTL,
    POLICY.format("AmazonEC2ContainerRegistryReadOnly"): KUBECTL,
    "AwsSolutions-IAM4[Policy::{Fn::If}]": KUBECTL,
    "AwsSolutions-IAM5[Resource::<ClusterKubectlProviderHandler27822AE4.Arn>:*]": KUBECTL,
    "AwsSolutions-L1": KUBECTL,
    "AwsSolutions-IAM5[Resource::<ModelStoreFDBAEA34.Arn>/models/llama/*]": READER,
    "AwsSolutions-IAM5[Resource::<ModelStoreFDBAEA34.Arn>/models/resnet/*]": READER,
    "AwsSolutions-S1": "each reader has a role of its own, so CloudTrail's data events name the model; "
    "access logs would need a second bucket that keeps more than the first",
}


def rule(name: str) -> str:
    """A policy behind a condition is written as the whole expression; its beginning says enough."""
    return "AwsSolutions-IAM4[Policy::{Fn::If}]" if name.startswith('AwsSolutions-IAM4[Policy::{"Fn::If"') else name


def test_cdk_nag_finds_what_is_accepted_and_nothing_else(tmp_path: Path) -> None:
    app = build_app(samples.deployment(), samples.charts, outdir=str(tmp_path), validate=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="validation"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    assert {rule(violation["ruleName"]) for violation in nag["violations"]} == set(ACCEPTED)
