"""A platform with a load balancer before its models: what the stacks add for it, clean by every checker."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import stacks_samples as samples
from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks
from msgspec.structs import replace
from test_stacks_checkers import ACCEPTED_WARNINGS, RUN_CFN_LINT, contents
from test_stacks_matrix import MIXES, PROFILES, STRATEGIES, Synthesized, synthesized
from test_stacks_nag import ACCEPTED, rule
from test_stacks_strategies_nag import ACCEPTED as ACCEPTED_OF_STRATEGY

from ai_on_eks.descriptors.platform import DeliveryMode
from ai_on_eks.descriptors.platform_gateway import Gateway, GatewayKind, Tokens
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth
from stacks.application import build_app

CERTIFICATE = "arn:aws:acm:us-east-1:111122223333:certificate/12345678-abcd-4bcd-9abc-123456789012"
TOKENS = Tokens(issuer="https://issuer.example.com", keys="https://issuer.example.com/jwks.json")
GATEWAY = Gateway(
    kind=GatewayKind.INTERNAL_ALB, domain="models.example.com", certificate_arn=CERTIFICATE, tokens=TOKENS
)

ACCEPTED_HERE = {
    r"AwsSolutions-IAM5\[Resource::\*\]": "reading, within the region by condition",
    r"AwsSolutions-IAM5\[Resource::arn:.*:ec2:us-east-1:.*:(security-group|vpc)/\*\]": "ids are EC2's to give; "
    "conditions on tags confine what is changed",
    r"AwsSolutions-IAM5\[Resource::arn:.*:elasticloadbalancing:us-east-1:.*/k8s-\*\]": "the controller makes names "
    "from a hash; what is changed has the cluster's tag",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outdir = tmp_path_factory.mktemp("gateway")
    app = build_app(samples.deployment(gateway=GATEWAY), samples.charts, outdir=str(outdir), validate=False)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    with pytest.raises(Exception, match="validation"):
        app.synth()
    return outdir


def template(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "ai-addons.template.json").read_text(encoding="utf-8"))["Resources"])


def test_our_rules_cfn_lint_and_cdk_nag_find_nothing(folder: Path) -> None:
    assert findings(read_synth(folder)) == ()
    command = [sys.executable, "-c", RUN_CFN_LINT, "--format", "json", *map(str, folder.glob("*.template.json"))]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert [one for one in json.loads(result.stdout) if one["Rule"]["Id"] not in ACCEPTED_WARNINGS] == []
    report = json.loads((folder / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    found = {rule(violation["ruleName"]) for violation in nag["violations"]} - set(ACCEPTED)
    assert [name for name in sorted(found) if not any(re.fullmatch(one, name) for one in ACCEPTED_HERE)] == []


def test_the_controller_starts_after_it_may_do_what_it_does(folder: Path) -> None:
    resources = template(folder)
    charts = [one["Properties"] | one for one in resources.values() if one["Type"] == "Custom::AWSCDK-EKS-HelmChart"]
    (chart,) = [one for one in charts if one["Release"] == "aws-load-balancer-controller"]
    (association,) = [name for name, one in resources.items() if one["Type"] == "AWS::EKS::PodIdentityAssociation"]
    assert association in chart["DependsOn"]


def test_no_stack_makes_a_load_balancer_or_opens_an_address(folder: Path) -> None:
    for path in folder.glob("*.template.json"):
        kinds = {one["Type"] for one in json.loads(path.read_text(encoding="utf-8"))["Resources"].values()}
        assert not {kind for kind in kinds if kind.startswith("AWS::ElasticLoadBalancing")}


def test_where_cdk_applies_nothing_the_right_is_there_all_the_same(tmp_path: Path) -> None:
    of = samples.deployment(gateway=GATEWAY, **samples.rendered())
    build_app(of, samples.charts, outdir=str(tmp_path), validate=False).synth()
    kinds = [one["Type"] for one in template(tmp_path).values()]
    assert "AWS::EKS::PodIdentityAssociation" in kinds
    assert "Custom::AWSCDK-EKS-HelmChart" not in kinds


COMBINATIONS = tuple(product(PROFILES, STRATEGIES))


@pytest.fixture(scope="module", params=COMBINATIONS, ids="-".join)
def combination(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """Every profile with every strategy, and a load balancer before its models."""
    profile, strategy = request.param
    outdir = tmp_path_factory.mktemp("gateway")
    settings = GATEWAY.model_dump(mode="json", exclude_defaults=True)
    platform = samples.profiled(profile, outdir, capacity={"strategy": strategy}, gateway=settings)
    return synthesized(replace(samples.deployment(), platform=platform, requests=MIXES["gpu"]()), outdir)


def test_a_combination_with_a_gateway_has_the_controller_and_no_finding_of_our_rules(combination: Synthesized) -> None:
    resources = template(combination.first)
    releases = {
        one["Properties"]["Release"] for one in resources.values() if one["Type"] == "Custom::AWSCDK-EKS-HelmChart"
    }
    applies = combination.deployment.platform.delivery.mode is DeliveryMode.APPLY
    assert ("aws-load-balancer-controller" in releases) is applies
    assert "AWS::EKS::PodIdentityAssociation" in {one["Type"] for one in resources.values()}
    assert findings(read_synth(combination.first)) == ()


def test_a_combination_with_a_gateway_is_the_same_twice_and_accepted_by_cdk_nag(combination: Synthesized) -> None:
    assert contents(combination.first) == contents(combination.second)
    report = json.loads((combination.second / "validation-report.json").read_text(encoding="utf-8"))
    (nag,) = [plugin for plugin in report["pluginReports"] if plugin["pluginName"] == "AwsSolutions"]
    found = {rule(violation["ruleName"]) for violation in nag["violations"]} - set(ACCEPTED)
    patterns = [*ACCEPTED_OF_STRATEGY.get(combination.deployment.platform.capacity.strategy, {}), *ACCEPTED_HERE]
    assert [name for name in sorted(found) if not any(re.fullmatch(one, name) for one in patterns)] == []
