"""cdk-nag's AwsSolutions pack over what a strategy adds: exactly what is accepted here, each with its reason."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import strategy_samples
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks
from strategy_samples import STRATEGIES
from test_stacks_nag import ACCEPTED as OF_THE_DEFAULT
from test_stacks_nag import rule

from ai_on_eks.descriptors.platform import CapacityStrategy
from stacks.application import build_app

EC2 = r"AwsSolutions-IAM5\[Resource::arn:aws:ec2:us-east-1:{}:({})/\*\]"
MANAGED = r"AwsSolutions-IAM4\[Policy::arn:<AWS::Partition>:iam::aws:policy/AmazonEKS({})\]"
OURS = "<AWS::AccountId>"

ACCEPTED: dict[CapacityStrategy, dict[str, str]] = {
    CapacityStrategy.KARPENTER: {
        r"AwsSolutions-IAM5\[Resource::\*\]": "reading, on no resource or within region or cluster by condition",
        EC2.format("", "image|snapshot"): "Amazon's images have no owner in their ARN",
        EC2.format(
            r"\*", "subnet|capacity-reservation"
        ): "may be shared by another account; nothing is changed in them",
        EC2.format(OURS, "security-group|placement-group"): "named by the node classes; nothing is changed in them",
        EC2.format(
            OURS, "fleet|instance|volume|network-interface|launch-template|spot-instances-request"
        ): "ids are EC2's to give; the condition on the cluster's tag confines them",
        r"AwsSolutions-IAM5\[Resource::arn:aws:ssm:us-east-1::parameter/aws/service/\*\]": "public data",
        "AwsSolutions-SQS3": "a warning that cannot be read is about a node that is gone minutes later",
    },
    CapacityStrategy.AUTO_MODE: {
        MANAGED.format("ComputePolicy|BlockStoragePolicy|LoadBalancingPolicy|NetworkingPolicy"): "the control plane's, "
        "as EKS documents them for Auto Mode",
        MANAGED.format("WorkerNodeMinimalPolicy"): "the least that EKS documents for a node",
        r"AwsSolutions-IAM5\[Resource::\*\]": "only for the cluster that asks and for nodes of its pools, by condition",
    },
}
"""Patterns of findings beside those of the default platform."""


@pytest.mark.parametrize("strategy", STRATEGIES, ids=str)
def test_cdk_nag_finds_what_is_accepted_and_nothing_else(strategy: CapacityStrategy, tmp_path: Path) -> None:
    of = strategy_samples.deployment(strategy)
    app = build_app(of, lambda addresses: strategy_samples.charts(of, addresses), outdir=str(tmp_path), validate=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="validation"):
        app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    found = {rule(violation["ruleName"]) for violation in nag["violations"]} - set(OF_THE_DEFAULT)
    patterns = ACCEPTED[strategy]
    assert [name for name in sorted(found) if not any(re.fullmatch(one, name) for one in patterns)] == []
    assert [one for one in patterns if not any(re.fullmatch(one, name) for name in found)] == []
