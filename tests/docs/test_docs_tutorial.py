"""The tutorial, done as it is written: in a new repository, its files written and its commands run from the top."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_pages import DOCS, ROOT, Example, examples, missing_lines
from msgspec import Struct

PAGE = DOCS / "tutorial.md"
NOT_COPIED = {".git", ".venv", "node_modules", "build", "cdk.out"}
BLOCK = re.compile(r"^```(?P<language>\w+)(?P<words>[^\n]*)\n(?P<body>.*?)^```\s*$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="(?P<path>[^"]+)"(?P<append> append)?')


class File(Struct, frozen=True):
    """A file that the reader writes, or lengthens."""

    path: str
    text: str
    appends: bool


def steps(text: str) -> Iterator[File | Example]:
    """Files and commands in the order of the page."""
    for block in BLOCK.finditer(text):
        title = TITLE.search(block["words"])
        if title is not None:
            yield File(title["path"], block["body"], title["append"] is not None)
        elif block["language"] == "console":
            yield from examples(PAGE.name, block[0])


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project as its first commit, with the environment that runs this test in the place of one of its own."""
    folder = tmp_path / "clone"
    shutil.copytree(ROOT, folder, ignore=lambda _folder, names: NOT_COPIED.intersection(names))
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name, words in (("python", ""), ("ai-on-eks", " -m ai_on_eks")):
        (programs / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{words} "$@"\n', encoding="utf-8")
        (programs / name).chmod(0o755)
    for stamp in (".python", ".node"):
        (folder / ".venv" / stamp).touch()
    git = ("git", "-c", "user.name=reader", "-c", "user.email=reader@example.com", "-c", "commit.gpgsign=false")
    for command in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "start")):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


def shell(folder: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "MAKEFLAGS"}}
    path = os.pathsep.join((str(folder / ".venv" / "bin"), inherited.get("PATH", "")))
    return {**inherited, "PATH": path, "PYTHONPATH": str(folder / "constructs"), "PYTHONIOENCODING": "utf-8"}


def test_given_a_new_clone_when_the_tutorial_is_followed_then_each_command_prints_what_is_shown(clone: Path) -> None:
    done = 0
    for step in steps(PAGE.read_text(encoding="utf-8")):
        if isinstance(step, File):
            path = clone / step.path
            before = path.read_text(encoding="utf-8") if step.appends else ""
            path.write_text(before + step.text, encoding="utf-8")
            continue
        result = subprocess.run(
            ["/bin/sh", "-c", step.command], cwd=clone, env=shell(clone), capture_output=True, check=False, timeout=120
        )
        output = result.stdout.decode() + result.stderr.decode()
        assert (result.returncode != 0) is any("blocked" in line for line in step.shown), output
        assert missing_lines(step.shown, output) == [], output
        done += 1
    assert done >= 6
