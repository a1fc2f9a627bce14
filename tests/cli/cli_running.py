"""The command as a user runs it: a process of its own, and the same in this process for speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from ai_on_eks.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
MODELS = tuple(str(path) for path in sorted((ROOT / "models").glob("*.yaml")))
LLAMA_8B = str(ROOT / "models" / "llama-3-1-8b-instruct.yaml")
RESNET = str(ROOT / "models" / "resnet-50.yaml")
PLATFORM = str(ROOT / "platform.yaml")

MINIMAL = """\
name: tiny
kind: foundation
source: {uri: "hf://example/tiny", revision: 0123456789abcdef0123456789abcdef01234567, format: safetensors}
architecture: {family: transformer, parameters: 1000000000}
"""


class Answer(Struct, frozen=True):
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def problems(self) -> list[dict[str, Any]]:
        """The problems of the error document on stderr."""
        document = json.loads(self.err)
        assert document["schema"] == "ai-on-eks/error/v1"
        problems: list[dict[str, Any]] = document["problems"]
        return problems

    @property
    def codes(self) -> list[str]:
        return [problem["code"] for problem in self.problems]


def run_process(*arguments: str, cwd: Path | None = None, environment: dict[str, str] | None = None) -> Answer:
    """The command in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "ai_on_eks", *arguments],
        cwd=cwd or ROOT,
        env=process_environment(environment),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


def process_environment(extra: dict[str, str] | None = None) -> dict[str, str]:
    """This environment with the library on the path and without what would change the output."""
    kept = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR"}}
    return {**kept, "PYTHONPATH": str(ROOT / "constructs"), **(extra or {})}


def run_here(capsys: pytest.CaptureFixture[str], *arguments: str) -> Answer:
    """The command in this process."""
    capsys.readouterr()
    code = main(arguments)
    captured = capsys.readouterr()
    return Answer(code, captured.out, captured.err)


def write(folder: Path, name: str, text: str | bytes) -> str:
    """A file to point a command at."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def keys_of(mapping: dict[str, Any], *required: str) -> Sequence[str]:
    """The required keys that are missing."""
    return [key for key in required if key not in mapping]
