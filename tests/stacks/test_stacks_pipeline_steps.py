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

from stacks.pipeline_steps import RECORD_COMMANDS, REVIEW_COMMANDS

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

    def run(self, commands: Sequence[str]) -> tuple[int, dict[str, str]]:
        """Exit code, and the variables that approvers are told by."""
        script = "\n".join(("set -e", 'trap "env > variables" EXIT', *commands))
        environment = {
            "PATH": os.pathsep.join((str(self.folder / ".venv" / "bin"), os.environ["PATH"])),
            "BUCKET": str(self.folder / "bucket"),
            "RECORDS": "records",
            "STAGE": "dev",
            "CODEBUILD_BUILD_URL": "https://console.example.com/build",
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
