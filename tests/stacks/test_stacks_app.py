"""`python app.py` as the CDK command line starts it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]

PLATFORM = """\
name: ai
region: us-east-1
network:
  availability_zones: [us-east-1a, us-east-1b]
"""


def run_app(folder: Path, **context: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "CDK_"))}
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "app.py")],
        cwd=folder,
        env={
            **inherited,
            "PYTHONPATH": str(REPOSITORY / "constructs"),
            "CDK_OUTDIR": str(folder / "cdk.out"),
            "CDK_CONTEXT_JSON": json.dumps({"manifests": str(folder / "manifests"), **context}),
            "CDK_VALIDATION": "false",
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_models_and_the_platform_of_the_repository_become_stacks(tmp_path: Path) -> None:
    """Slow: a process of its own with Node; the one test of the whole chain."""
    result = run_app(tmp_path)
    assert (result.returncode, "Traceback" in result.stderr) == (0, False), result.stderr
    names = {path.name for path in (tmp_path / "cdk.out").glob("*.template.json")}
    assert names == {
        f"ai-on-eks-{unit}.template.json" for unit in ("network", "cluster", "capacity", "addons", "storage", "serving")
    }
    serving = json.loads((tmp_path / "cdk.out" / "ai-on-eks-serving.template.json").read_text(encoding="utf-8"))
    models = {path.stem for path in (REPOSITORY / "models").glob("*.yaml")}
    assert len(serving["Resources"]) == 1 + len(models)
    assert {path.stem for path in (tmp_path / "manifests").glob("*.yaml")} == {"platform", *models}
    assert all(model in result.stdout for model in models)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (f"{PLATFORM}cluster:\n  public_access_cidrs: [0.0.0.0/0]\n", "open-to-the-internet", 6),
        (f"{PLATFORM}cluster:\n  kubernetes_version: '1.29'\n", "bad-pattern", 6),
        (f"{PLATFORM}cluster:\n  kubernetes_version: '1.34'\n", "versions-do-not-match", 6),
        (f"{PLATFORM}capacity:\n  system_nodes:\n    instance_type: m99.huge\n", "unknown-instance-type", None),
        (f"{PLATFORM}  cidr: 10.0.0.0/20\n", "network-cidr-size", 5),
    ],
)
def test_a_bad_platform_is_told_with_its_line_and_no_traceback(
    tmp_path: Path, text: str, code: str, line: int | None
) -> None:
    platform = tmp_path / "platform.yaml"
    platform.write_text(text, encoding="utf-8")
    result = run_app(tmp_path, platform=str(platform))
    assert result.returncode == 4
    assert f"error[{code}]" in result.stderr
    assert "Traceback" not in result.stderr
    if line is not None:
        assert f"{platform}:{line}: " in result.stderr
    assert not (tmp_path / "cdk.out" / "manifest.json").exists()


def test_a_folder_without_models_is_wrong_usage(tmp_path: Path) -> None:
    result = run_app(tmp_path, models=str(tmp_path))
    assert result.returncode == 2
    assert "error[no-models]" in result.stderr


def test_the_command_line_is_pinned_and_the_lock_names_no_server() -> None:
    package = read_json("package.json")
    lock = read_json("package-lock.json")
    assert package["devDependencies"] == {"aws-cdk": "2.1148.1"}
    assert lock["packages"]["node_modules/aws-cdk"]["version"] == "2.1148.1"
    assert lock["packages"]["node_modules/aws-cdk"]["integrity"].startswith("sha512-")
    assert not re.search(r"https?://", json.dumps(lock))


def test_every_recommended_feature_flag_is_set() -> None:
    """GIVEN the flags inside the aws-cdk-lib that is installed, which a new release extends."""
    (library,) = (Path(aws_cdk.__file__).parent / "_jsii").glob("aws-cdk-lib@*.jsii.tgz")
    with tarfile.open(library) as archive:
        member = archive.extractfile("package/recommended-feature-flags.json")
        assert member is not None
        recommended = json.load(member)
    chosen = {"@aws-cdk/core:defaultCrossStackReferences": "strong"}  # why: stacks/application.py, app_context
    assert chosen.keys() <= recommended.keys()
    assert read_json("cdk.json")["context"] == {**recommended, **chosen}


def read_json(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((REPOSITORY / name).read_text(encoding="utf-8"))
    return document


def test_nodes_that_a_controller_starts_are_rendered_with_its_chart(tmp_path: Path) -> None:
    """Slow: the whole chain, as for GitOps."""
    platform = tmp_path / "platform.yaml"
    settings = "capacity: {strategy: karpenter}\ndelivery: {mode: render}\n"
    platform.write_text(f"{PLATFORM}{settings}", encoding="utf-8")
    result = run_app(tmp_path, platform=str(platform))
    assert (result.returncode, "Traceback" in result.stderr) == (0, False), result.stderr
    nodes = [*yaml.safe_load_all((tmp_path / "manifests" / "nodes" / "node-pools.yaml").read_text(encoding="utf-8"))]
    assert {one["kind"] for one in nodes} == {"EC2NodeClass", "NodePool"}
    assert all(one["metadata"]["labels"]["app.kubernetes.io/part-of"] == "ai" for one in nodes)
    charts = {path.stem for path in (tmp_path / "manifests" / "helm").glob("*.yaml")}
    assert charts >= {"karpenter", "karpenter-crd", "gpu-operator"}


def test_fine_tuning_jobs_come_with_their_nodes_charts_and_queues(tmp_path: Path) -> None:
    """Slow: the whole chain, as for GitOps; our own rules read all of it."""
    platform, jobs = tmp_path / "platform.yaml", tmp_path / "jobs"
    settings = "capacity: {strategy: karpenter}\ndelivery: {mode: render}\n"
    platform.write_text(f"{PLATFORM}{settings}", encoding="utf-8")
    jobs.mkdir()
    example = (REPOSITORY / "docs" / "examples" / "fine-tune" / "llama-8b-lora.yaml").read_text(encoding="utf-8")
    (jobs / "a.yaml").write_text(example.replace("../../../models", str(REPOSITORY / "models")), encoding="utf-8")
    result = run_app(tmp_path, platform=str(platform), jobs=str(jobs))
    assert (result.returncode, "Traceback" in result.stderr) == (0, False), result.stderr
    assert "llama-8b-support" in result.stdout
    manifests = tmp_path / "manifests"
    assert {path.name for path in (manifests / "jobs").glob("*.yaml")} == {"llama-8b-support.yaml", "queues.yaml"}
    assert {path.stem for path in (manifests / "helm").glob("*.yaml")} >= {"jobset", "kueue"}
    nodes = [*yaml.safe_load_all((manifests / "nodes" / "node-pools.yaml").read_text(encoding="utf-8"))]
    pools = {one["metadata"]["name"] for one in nodes if one["kind"] == "NodePool"}
    assert any(name.endswith("jobs-g6e-2xlarge") for name in pools), pools
