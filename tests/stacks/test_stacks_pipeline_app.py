"""`make pipeline` as a build runs it: what it refuses, and what it leaves for the review of a release."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pipeline_samples
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
MODEL = "llama-3-1-8b-instruct.yaml"
DIGEST = "sha256:" + 64 * "0"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A pipeline file, two platforms with pinned images, and one model."""
    asked = pipeline_samples.pipeline().model_dump(mode="json", exclude_defaults=True)
    (tmp_path / "pipeline.yaml").write_text(yaml.safe_dump(asked), encoding="utf-8")
    for stage, account in pipeline_samples.ACCOUNTS.items():
        platform = {
            "name": f"ai-{stage}", "region": "us-east-1", "account": account, "images": "images.yaml",
            "network": {"availability_zones": ["us-east-1a", "us-east-1b", "us-east-1c"]},
        }  # fmt: skip
        (tmp_path / f"{stage}.yaml").write_text(yaml.safe_dump(platform), encoding="utf-8")
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / MODEL).write_text((ROOT / "models" / MODEL).read_text("utf-8"), encoding="utf-8")
    images = yaml.safe_load((ROOT / "constructs/ai_on_eks/serving/data/images.yaml").read_text(encoding="utf-8"))
    for image in images["images"].values():
        image |= {"digest": DIGEST, "verified": "2026-11-29"}
    (tmp_path / "images.yaml").write_text(yaml.safe_dump(images), encoding="utf-8")
    return tmp_path


def run(project: Path) -> subprocess.CompletedProcess[str]:
    context = {"pipeline": str(project / "pipeline.yaml"), "stages": str(project / "stages")}
    environment = {
        **os.environ,
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_OUTDIR": str(project / "cdk.out"),
        "CDK_VALIDATION": "false",
    }
    return subprocess.run(
        [sys.executable, "pipeline.py"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def test_each_stage_gets_what_a_review_reads(project: Path) -> None:
    done = run(project)
    assert done.returncode == 0, done.stderr
    for stage in ("dev", "prod"):
        folder = project / "stages" / stage
        stacks = {path.name for path in (folder / "cdk.out").glob("*.template.json")}
        assert {f"ai-{stage}-{unit}.template.json" for unit in ("network", "cluster", "serving", "storage")} <= stacks
    review = subprocess.run(
        [sys.executable, "-m", "ai_on_eks", "review", "--before", str(project / "stages" / "dev"),
         "--after", str(project / "stages" / "dev"), "--json"],
        cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT / "constructs")},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert review.returncode == 0, review.stderr


def with_gitops(project: Path, stage: str, **gitops: str) -> None:
    path = project / f"{stage}.yaml"
    delivery = {"mode": "gitops", "gitops": {"repository": "https://git.example.com/org/platform", **gitops}}
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text("utf-8")) | {"delivery": delivery}), "utf-8")


def publishing(project: Path, *stages: str) -> None:
    path = project / "pipeline.yaml"
    given = yaml.safe_load(path.read_text("utf-8"))
    given["stages"] = [{**stage, "publish": stage["name"] in stages} for stage in given["stages"]]
    path.write_text(yaml.safe_dump(given), "utf-8")


def test_a_stage_that_is_published_leaves_what_a_gitops_tool_reads(project: Path) -> None:
    with_gitops(project, "dev", revision="rendered/dev")
    publishing(project, "dev")
    done = run(project)
    assert done.returncode == 0, done.stderr
    tree = project / "stages" / "dev" / "build" / "gitops"
    assert {path.name for path in tree.iterdir()} >= {"argo-cd", "flux", "cluster", "models"}
    assert not (project / "stages" / "prod" / "build" / "gitops").exists()


def test_a_branch_that_is_published_to_is_the_pipelines_own(project: Path) -> None:
    with_gitops(project, "dev")
    with_gitops(project, "prod", path="gitops/prod", repository="https://git.example.com/Org/Platform")
    publishing(project, "dev", "prod")
    done = run(project)
    assert done.returncode == 4
    assert "a commit to main of org/platform would start the next release" in done.stderr
    assert "a commit to main of Org/Platform would start the next release" in done.stderr
    assert "error[pipeline-stage] stages[1].publish: stage dev publishes to the folder gitops of main" in done.stderr
    assert "delivery.gitops.revision: rendered/prod" in done.stderr


def test_a_stage_that_renders_nothing_for_a_gitops_tool_publishes_nothing(project: Path) -> None:
    publishing(project, "prod")
    done = run(project)
    assert done.returncode == 4
    assert "stages[1].publish: nothing is written for a GitOps tool with delivery.mode: apply" in done.stderr


@pytest.mark.parametrize(
    ("file", "changes", "message"),
    [
        ("dev.yaml", {"images": None}, "error[unpinned-image]"),
        ("dev.yaml", {"account": None}, "error[pipeline-stage] stages[0].platform: this platform names no account"),
        ("prod.yaml", {"name": "ai-dev", "account": "222233334444"}, "two stages are the platform ai-dev"),
        ("pipeline.yaml", {"build_network": None}, "error[pipeline-stage] stages[0].verify: no build reaches"),
    ],
)
def test_what_would_release_something_else_than_was_reviewed_is_refused(
    file: str, changes: dict[str, object], message: str, project: Path
) -> None:
    path = project / file
    given = yaml.safe_load(path.read_text(encoding="utf-8")) | changes
    path.write_text(yaml.safe_dump({key: value for key, value in given.items() if value is not None}), "utf-8")
    done = run(project)
    assert done.returncode in {1, 4}
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "stages").exists()
