"""A platform that a GitOps tool applies: what CDK still makes, and that its templates are sound."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stacks_samples as samples

from ai_on_eks.descriptors.platform import Delivery, DeliveryMode
from ai_on_eks.descriptors.platform_gitops import GitOps, ManagedArgoCd
from ai_on_eks.review.rules.acknowledged import ACKNOWLEDGED
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth
from stacks.application import Deployment, build_app

pytest_plugins = ["stacks_fixtures"]


def templates_of(folder: Path) -> dict[str, Any]:
    return {path.name.partition(".")[0]: json.loads(path.read_text("utf-8")) for path in folder.glob("*.template.json")}


def deployment(managed: ManagedArgoCd | None = None) -> Deployment:
    gitops = GitOps(repository="https://git.example.com/org/platform.git", managed_argo_cd=managed)
    return samples.deployment(delivery=Delivery(mode=DeliveryMode.GITOPS, gitops=gitops), account="111122223333")


MANAGED = ManagedArgoCd(
    identity_center_arn="arn:aws:sso:::instance/ssoins-0123456789abcdef",
    admin_groups=("01234567-89ab-cdef-0123-456789abcdef",),
)


def test_a_tool_of_the_users_gets_no_stack_and_no_function(synthesize: Callable[[Deployment], Path]) -> None:
    templates = templates_of(synthesize(deployment()))
    assert "ai-gitops" not in templates
    assert "ai-serving" not in templates
    types = {item["Type"] for template in templates.values() for item in template["Resources"].values()}
    assert not [kind for kind in types if kind.startswith(("Custom::", "AWS::Lambda::"))]


def test_a_managed_argo_cd_is_a_stack_that_tells_how_it_is_let_in(synthesize: Callable[[Deployment], Path]) -> None:
    folder = synthesize(deployment(MANAGED))
    template: dict[str, Any] = templates_of(folder)["ai-gitops"]
    assert [item["Type"] for item in template["Resources"].values()] == ["AWS::IAM::Role", "AWS::EKS::Capability"]
    command = str(template["Outputs"]["AllowArgoCdCommand"]["Value"])
    assert "aws eks associate-access-policy --region us-east-1 --cluster-name ai" in command
    assert "AmazonEKSClusterAdminPolicy" in command
    assert not findings(read_synth(folder), ACKNOWLEDGED)


def test_cdks_own_validation_has_nothing_against_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CDK_VALIDATION", raising=False)
    build_app(deployment(MANAGED), samples.charts, outdir=str(tmp_path), validate=True).synth()
    assert (tmp_path / "ai-gitops.template.json").is_file()
