"""The workflow of a pull request as data, and a repository of its own to run its steps in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "pull-request.yml"

SYNTHESIZED = (
    ".gitignore", "Makefile", "app.py", "cdk.json", "constructs", "k8s", "package-lock.json", "package.json",
    "platform.yaml", "project.mk", "pyproject.toml", "requirements.txt", "stacks",
)  # fmt: skip
"""What a synthesis needs of the repository."""

MODEL = "llama-3-1-8b-instruct"


def workflow() -> dict[Any, Any]:
    document: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return document


def step(job: str, name: str) -> dict[str, Any]:
    """The step of this name."""
    (found,) = (one for one in workflow()["jobs"][job]["steps"] if one.get("name") == name)
    return dict(found)


def run_step(job: str, name: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The step's shell lines as the runner starts them, in `folder`."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "GIT_", "CDK_", "PYTEST"))
    }
    return subprocess.run(
        ["bash", "-e", "-c", step(job, name)["run"]],
        cwd=folder,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def repository(folder: Path) -> Path:
    """This project with one model, committed on `main`, set up with the environment that runs the tests."""
    folder.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in SYNTHESIZED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy2(source, folder / name)
    (folder / "models").mkdir()
    model = (ROOT / "models" / f"{MODEL}.yaml").read_text(encoding="utf-8")
    # On one type, so that two replicas are two nodes of it.
    (folder / "models" / f"{MODEL}.yaml").write_text(
        f"{model}constraints:\n  instance_families: [g7e]\n", encoding="utf-8"
    )
    git(folder, "init", "--quiet", "--initial-branch", "main")
    # Links, which the patterns of .gitignore for folders do not meet.
    (folder / ".git" / "info" / "exclude").write_text(".venv\nnode_modules\n", encoding="utf-8")
    _set_up(folder)
    git(folder, "add", "--all")
    commit(folder, "as it is")
    return folder


def _set_up(folder: Path) -> None:
    """A virtual environment that is this one, its marks younger than what they are made from."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("python", "python3"):
        (programs / name).symlink_to(sys.executable)
    program = programs / "ai-on-eks"
    library = ROOT / "constructs"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH="{library}" exec "{sys.executable}" -m ai_on_eks "$@"\n', encoding="utf-8"
    )
    program.chmod(0o755)
    command_line = folder / "node_modules" / ".bin" / "cdk"
    command_line.parent.mkdir(parents=True)
    command_line.touch()
    for mark in (".python", ".node"):
        (folder / ".venv" / mark).touch()


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=tester", "-c", "user.email=tester@localhost")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder: Path, message: str) -> None:
    git(folder, "commit", "--quiet", "--message", message)


def branch(folder: Path, name: str, file: str, old: str, new: str) -> None:
    """A branch of `main` with one change, committed."""
    git(folder, "checkout", "--quiet", "-b", name, "main")
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    git(folder, "commit", "--quiet", "--all", "--message", name)
