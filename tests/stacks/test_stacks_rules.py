"""Our own rules over what our stacks write, and over what the library writes by default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import stacks_samples as samples
from aws_cdk import App, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk.assertions import Template
from msgspec.structs import replace

import app as application
from ai_on_eks.errors import EXIT_FINDINGS, FindingsError
from ai_on_eks.review.rules.assembly import read_assembly
from ai_on_eks.review.rules.checking import findings
from ai_on_eks.review.rules.synth import read_synth

pytest_plugins = ["stacks_fixtures"]


def test_our_templates_have_no_finding(applied_folder: Path, rendered_folder: Path) -> None:
    assert [problem for folder in (applied_folder, rendered_folder) for problem in findings(read_synth(folder))] == []


def test_the_library_s_own_defaults_are_caught() -> None:
    """GIVEN a cluster exactly as `aws_eks_v2` makes it by default, which cdk-nag and checkov let pass."""
    stack = Stack(App(builtin_cloud_formation_validation=False), "bad")
    network = ec2.Vpc(stack, "Vpc", restrict_default_security_group=False)
    eks.Cluster(stack, "Cluster", vpc=network, version=eks.KubernetesVersion.of("1.36"))
    found = findings(read_assembly({"bad.template.json": dict(Template.from_stack(stack).to_json())}))
    assert {problem.code for problem in found if "Cluster" in str(problem.path)} >= {
        "eks-endpoint-open",
        "eks-logs-missing",
        "eks-secrets-key-missing",
        "eks-deletable",
        "stateful-not-retained",
    }


@pytest.fixture
def folder(tmp_path: Path, applied: dict[str, dict[str, Any]]) -> Path:
    """A cloud assembly with one fault in it."""
    broken: dict[str, Any] = json.loads(json.dumps(applied["ai-cluster"]))
    (cluster,) = (one for one in broken["Resources"].values() if one["Type"] == "AWS::EKS::Cluster")
    cluster["Properties"]["Version"] = "1.99"
    (tmp_path / "ai-cluster.template.json").write_text(json.dumps(broken), encoding="utf-8")
    return tmp_path


def test_the_application_ends_on_a_finding_and_names_file_and_resource(folder: Path) -> None:
    with pytest.raises(FindingsError) as raised:
        application.refuse_findings(samples.deployment(), folder)
    assert raised.value.exit_code == EXIT_FINDINGS
    (problem,) = raised.value.problems
    assert (problem.code, problem.path) == ("eks-version-unknown", "Resources.Cluster9EE0221C")
    assert problem.file == str(folder / "ai-cluster.template.json")


def test_rendered_objects_are_judged_where_cdk_does_not_apply_them(tmp_path: Path) -> None:
    """GIVEN a model whose pod breaks rules WHEN CDK applies it THEN its template would show it, and here is none."""
    container = {"name": "engine", "image": "docker.io/vllm/vllm-openai:latest"}
    broken = replace(samples.workload(), pod_spec={"containers": [container]})
    rendered = replace(samples.deployment(**samples.rendered()), workloads=(broken,))
    with pytest.raises(FindingsError) as raised:
        application.refuse_findings(rendered, tmp_path)
    assert ("pod-image-floating", "llama.yaml") in {(problem.code, problem.file) for problem in raised.value.problems}
    application.refuse_findings(replace(samples.deployment(), workloads=(broken,)), tmp_path)
