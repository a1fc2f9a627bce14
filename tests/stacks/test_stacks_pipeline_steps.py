"""The commands of the pipeline's builds, run by a shell as CodeBuild does, against a bucket that is a folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.aws.gitops.publishing import PUBLISH_COMMANDS, PUSH_TRIES
from stacks.pipeline_steps import PUBLISHED_TRIES, RECORD_COMMANDS, REVIEW_COMMANDS, VERIFY_PUBLISHED_COMMANDS

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")

AWS = """#!/bin/sh
for last; do before=$source; source=$last; done
case "$before" in
s3://*) from="$BUCKET/${before#s3://}" to="$source" ;;
*) from="$before" to="$BUCKET/${source#s3://}" ;;
esac
mkdir -p "$to"
if [ -d "$from" ]; then cp -R "$from/." "$to/"; fi
"""


"""`aws s3 sync FROM TO`, one of which is a bucket: a folder here."""


class Build:
    """A build's folder, with the programs that it finds there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        self._program(programs / "make", "#!/bin/sh\n")
        self._program(programs / "aws", AWS)
        self._program(
            programs / "ai-on-eks",
            f'#!/bin/sh\nPYTHONPATH="{ROOT / "constructs"}" exec "{sys.executable}" -m ai_on_eks "$@"\n',
        )

    def _program(self, path: Path, text: str) -> None:
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)

    def release(self, key: str) -> None:
        """What the synthesis has left for the stage: a stack with a bucket whose name is given."""
        folder = self.folder / "rendered" / "dev" / "cdk.out"
        folder.mkdir(parents=True, exist_ok=True)
        resources = {"Store": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": key}}}
        write(folder / "ai-storage.template.json", {"Resources": resources})
        stack = {"type": "aws:cloudformation:stack", "environment": "aws://111122223333/us-east-1"}
        write(folder / "manifest.json", {"artifacts": {"ai-storage": stack}})

    def run(self, commands: Sequence[str], **more: str) -> tuple[int, dict[str, str]]:
        """Exit code, and the variables that approvers are told by."""
        script = "\n".join(("set -e", 'trap "env > variables" EXIT', *commands))
        environment = {
            "PATH": os.pathsep.join((str(self.folder / ".venv" / "bin"), os.environ["PATH"])),
            "BUCKET": str(self.folder / "bucket"),
            "RECORDS": "records",
            "STAGE": "dev",
            "CODEBUILD_BUILD_URL": "https://console.example.com/build",
            **more,
        }
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=environment, capture_output=True, timeout=120, check=False
        )
        lines = (self.folder / "variables").read_text(encoding="utf-8").splitlines()
        return done.returncode, dict(line.split("=", 1) for line in lines if "=" in line)


def write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document), encoding="utf-8")


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path)


def test_the_first_release_is_compared_with_nothing(build: Build) -> None:
    build.release("weights")
    code, variables = build.run(REVIEW_COMMANDS)
    assert (code, variables["REVIEW"]) == (0, "first release of this stage")
    assert variables["LOG"] == "https://console.example.com/build"


def test_a_release_is_compared_with_the_one_that_was_recorded(build: Build) -> None:
    build.release("weights")
    assert build.run(RECORD_COMMANDS)[0] == 0
    code, variables = build.run(REVIEW_COMMANDS)
    assert code == 0
    assert "nothing changes" in variables["REVIEW"]


def test_a_release_that_destroys_ends_before_anything_is_deployed(build: Build) -> None:
    build.release("weights")
    build.run(RECORD_COMMANDS)
    build.release("another")
    code, variables = build.run(REVIEW_COMMANDS)
    assert code != 0
    assert "blocked" in variables["REVIEW"]


def test_a_destruction_that_was_reviewed_is_released(build: Build) -> None:
    build.release("weights")
    build.run(RECORD_COMMANDS)
    build.release("another")
    (build.folder / "allow-destroy.yaml").write_text(
        "version: 1\nallow_destroy:\n"
        "  - {stack: ai-storage, logical_id: Store, release: 0.2.0, reason: files were copied, expires: 2099-12-31}\n",
        encoding="utf-8",
    )
    code, variables = build.run(REVIEW_COMMANDS)
    assert code == 0, variables
    assert "blocked" not in variables["REVIEW"]


class Publishing:
    """A build that publishes, and the repository that it publishes to: a bare one, in a folder."""

    def __init__(self, build: Build) -> None:
        self.build, self.remote = build, build.folder / "remote.git"
        git(build.folder, "init", "--quiet", "--bare", str(self.remote))

    def rendered(self, **files: str) -> None:
        folder = self.build.folder / "rendered" / "dev" / "build" / "gitops"
        shutil.rmtree(folder, ignore_errors=True)
        for name, text in files.items():
            path = folder / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def publish(self, **changes: str) -> int:
        """A build starts without the clone of the one before."""
        shutil.rmtree(self.build.folder / "tree", ignore_errors=True)
        told = {
            "HOME": str(self.build.folder), "REMOTE": str(self.remote), "BRANCH": "rendered/dev", "FOLDER": "gitops",
            "AUTHOR": "release", "SOURCE_REPOSITORY": "org/platform", "CODEBUILD_RESOLVED_SOURCE_VERSION": "c0ffee",
        }  # fmt: skip
        return self.build.run(PUBLISH_COMMANDS, **told | changes)[0]

    def files(self, branch: str = "rendered/dev") -> list[str]:
        return git(self.remote, "ls-tree", "-r", "--name-only", branch).splitlines()

    def commits(self, branch: str = "rendered/dev") -> list[str]:
        """Author and subject of each, and what it was rendered from."""
        return [line for line in git(self.remote, "log", "--format=%an: %s%n%b", branch).splitlines() if line]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


@pytest.fixture
def publishing(build: Build) -> Publishing:
    return Publishing(build)


def test_the_first_publication_starts_the_branch(publishing: Publishing) -> None:
    publishing.rendered(models__llama="1", cluster__namespace="1")
    assert publishing.publish() == 0
    assert publishing.files() == ["gitops/cluster/namespace", "gitops/models/llama"]
    assert publishing.commits() == ["release: Release dev", "Rendered from org/platform c0ffee"]


def test_what_is_no_longer_rendered_goes_and_what_else_lies_there_stays(publishing: Publishing) -> None:
    publishing.rendered(models__llama="1", models__old="1")
    publishing.publish()
    clone = publishing.build.folder / "clone"
    git(publishing.build.folder, "clone", "--quiet", "--branch", "rendered/dev", str(publishing.remote), str(clone))
    (clone / "README.md").write_text("ours", encoding="utf-8")
    git(clone, "add", "README.md")
    git(clone, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "--message", "Say what it is")
    git(clone, "push", "--quiet")
    publishing.rendered(models__llama="2")
    assert publishing.publish() == 0
    assert publishing.files() == ["README.md", "gitops/models/llama"]


def test_a_release_that_renders_the_same_leaves_no_commit(publishing: Publishing) -> None:
    publishing.rendered(models__llama="1")
    publishing.publish()
    assert publishing.publish() == 0
    assert len(publishing.commits()) == 2  # the lines of one commit


def test_a_stage_whose_folder_was_not_rendered_empties_no_branch(publishing: Publishing) -> None:
    publishing.rendered(models__llama="1")
    publishing.publish()
    shutil.rmtree(publishing.build.folder / "rendered")
    assert publishing.publish() != 0
    assert publishing.files() == ["gitops/models/llama"]


def test_a_repository_that_does_not_answer_ends_the_build(publishing: Publishing) -> None:
    publishing.rendered(models__llama="1")
    assert publishing.publish(REMOTE=str(publishing.build.folder / "none.git")) not in (0, 2)


def test_two_stages_that_push_at_once_both_arrive(publishing: Publishing) -> None:
    """The other stage's commit comes between this one's clone and its push, by a hook of this one's clone."""
    publishing.rendered(models__llama="1")
    publishing.publish(FOLDER="prod")
    templates = publishing.build.folder / "templates" / "hooks"
    templates.mkdir(parents=True)
    other = publishing.build.folder / "other"
    git(publishing.build.folder, "clone", "--quiet", "--branch", "rendered/dev", str(publishing.remote), str(other))
    (other / "prod" / "models" / "llama").write_text("2", encoding="utf-8")
    git(other, "-c", "user.name=a", "-c", "user.email=a@localhost", "commit", "--quiet", "--all", "--message", "Other")
    hook = templates / "pre-commit"
    hook.write_text(f'#!/bin/sh\ncd "{other}" && env -u GIT_DIR -u GIT_INDEX_FILE git push --quiet\n', encoding="utf-8")
    hook.chmod(0o755)
    assert publishing.publish(GIT_TEMPLATE_DIR=str(templates.parent)) == 0
    assert publishing.files() == ["gitops/models/llama", "prod/models/llama"]
    assert [line for line in publishing.commits() if ": " in line] == [
        "release: Release dev", "a: Other", "release: Release dev",
    ]  # fmt: skip


@pytest.mark.parametrize(("lost", "arrives"), [(PUSH_TRIES - 1, True), (PUSH_TRIES, False)])
def test_a_push_may_lose_to_every_other_stage_of_its_wave(lost: int, arrives: bool, publishing: Publishing) -> None:
    publishing.rendered(models__llama="1")
    publishing.publish(FOLDER="prod")
    count, hook = publishing.build.folder / "pushes", publishing.remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f'#!/bin/sh\necho >> "{count}"\ntest "$(wc -l < "{count}")" -gt {lost}\n', encoding="utf-8")
    hook.chmod(0o755)
    assert (publishing.publish() == 0) is arrives
    assert ("gitops/models/llama" in publishing.files()) is arrives


@pytest.mark.parametrize(("good_at", "tries", "code"), [(1, 1, 0), (3, 3, 0), (99, PUBLISHED_TRIES, 1)])
def test_a_published_stage_is_verified_until_the_tool_has_applied_it(
    good_at: int, tries: int, code: int, build: Build
) -> None:
    programs, count = build.folder / ".venv" / "bin", build.folder / "count"
    verify = f'#!/bin/sh\necho >> "{count}"\ntest "$(wc -l < "{count}")" -ge {good_at}\n'
    for name, text in (("ai-on-eks", verify), ("sleep", "#!/bin/sh\n")):
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    told = {"CLUSTER": "ai-dev", "CLUSTER_REGION": "us-east-1", "VERIFIER": "arn"}
    assert build.run(VERIFY_PUBLISHED_COMMANDS, **told)[0] == code
    assert len(count.read_text(encoding="utf-8").splitlines()) == tries
