"""A new project synthesizes at once, in every profile, and is there as a whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import Distribution
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import yaml
from cli_running import ROOT, process_environment, run_here
from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]

from ai_on_eks import files as file_writing
from ai_on_eks.cli.project import template
from ai_on_eks.cli.project.files import project_name
from ai_on_eks.cli.project.requirement import EXTRA, is_of_this_machine, requirement_of
from ai_on_eks.descriptors.profiles import Profile
from ai_on_eks.errors import UsageError


def started(folder: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    answer = run_here(capsys, "init", str(folder), *options, "--json")
    assert answer.code == 0, answer.err
    body: dict[str, object] = answer.data
    return body


@pytest.mark.parametrize("profile", [profile.value for profile in Profile])
def test_given_a_profile_when_a_project_is_started_then_it_synthesizes_at_once(
    profile: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "serving"
    started(folder, capsys, "--profile", profile)
    environment = process_environment({"CDK_OUTDIR": str(folder / "cdk.out"), "CDK_VALIDATION": "false"})
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    templates = {path.name.removesuffix(".template.json") for path in (folder / "cdk.out").glob("*.template.json")}
    assert {"serving-network", "serving-cluster", "serving-capacity", "serving-storage"} <= templates
    assert ("serving-serving" in templates) == (profile != "private")
    assert (folder / "build" / "manifests" / "llama-3-1-8b-instruct.yaml").is_file()
    assert yaml.safe_load((folder / "platform.yaml").read_text(encoding="utf-8"))["profile"] == profile


def test_given_a_project_when_started_then_its_files_keep_to_the_schemas_that_it_gives_editors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "serving"
    started(folder, capsys)
    settings = json.loads((folder / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    for schema, pattern in settings["yaml.schemas"].items():
        if pattern == "pipeline.yaml":
            continue  # a new project has none
        validator = Draft202012Validator(json.loads((folder / schema).read_text(encoding="utf-8")))
        (file,) = folder.glob(pattern)
        text = file.read_text(encoding="utf-8")
        assert list(validator.iter_errors(yaml.safe_load(text))) == []
        named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        assert (file.parent / named).resolve() == (folder / schema).resolve()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_given_a_project_when_its_makefile_is_read_then_it_has_the_commands_of_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "serving"
    started(folder, capsys)
    listed = subprocess.run(["make"], cwd=folder, capture_output=True, text=True, timeout=30, check=True).stdout
    commands = {line.split()[1] for line in listed.splitlines()}
    assert {"setup", "doctor", "synth", "review", "diff", "deploy", "destroy"} <= commands
    assert not {"test", "lint", "rehearse"} & commands
    planned = subprocess.run(
        ["make", "-n", "setup"], cwd=folder, capture_output=True, text=True, timeout=30, check=True
    ).stdout
    assert "pip install --quiet --disable-pip-version-check -r requirements.txt" in planned
    assert "--editable" not in planned


def test_given_a_folder_with_files_when_a_project_is_started_there_then_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "platform.yaml").write_text("name: mine\n", encoding="utf-8")
    answer = run_here(capsys, "init", str(tmp_path), "--json")
    assert (answer.code, answer.codes) == (2, ["folder-exists"])
    assert [path.name for path in tmp_path.iterdir()] == ["platform.yaml"]


def test_given_an_empty_folder_when_a_project_is_started_there_then_it_is_filled(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    started(folder, capsys)
    assert (folder / "platform.yaml").is_file()


def test_given_a_full_disk_when_a_project_is_started_then_nothing_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_folder: Path, _files: object) -> None:
        _folder.mkdir()
        (_folder / "app.py").write_text("half", encoding="utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_writing, "_fill", fail)
    answer = run_here(capsys, "init", str(tmp_path / "serving"), "--json")
    assert (answer.code, answer.codes) == (2, ["output-not-writable"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("folder", "name"),
    [("Serving_Team", "serving-team"), ("2026", "ai-on-eks"), ("ünïcode", "n-code"), ("x" * 40, "x" * 32)],
)
def test_given_a_folder_when_the_platform_is_named_then_the_name_is_one(folder: str, name: str) -> None:
    assert project_name(Path(folder)) == name


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (None, "ai-on-eks[account,aws,cluster,review]==0.1.0"),
        (
            {"url": "file:///srv/ai-on-eks", "dir_info": {}},
            "ai-on-eks[account,aws,cluster,review] @ file:///srv/ai-on-eks",
        ),
        (
            {"url": "https://git.example.com/ai-on-eks.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}},
            "ai-on-eks[account,aws,cluster,review] @ git+https://git.example.com/ai-on-eks.git@ab12",
        ),
    ],
)
def test_given_how_the_package_was_installed_when_a_project_names_it_then_it_gets_the_same(
    told: dict[str, object] | None, line: str
) -> None:
    text = None if told is None else json.dumps(told)
    installed = cast("Distribution", SimpleNamespace(version="0.1.0", read_text=lambda _name: text))
    assert requirement_of(installed) == line
    assert is_of_this_machine(line) == ("file:" in line)


def test_given_the_package_when_a_project_names_parts_of_it_then_it_has_them() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(EXTRA.partition("[")[2].rstrip("]").split(",")) <= set(settings["optional-dependencies"])


def test_given_another_requirement_when_a_project_is_started_then_that_one_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "serving"
    started(folder, capsys, "--package", "ai-on-eks[account,aws,cluster,review]==9.9.9")
    assert "ai-on-eks[account,aws,cluster,review]==9.9.9\n" in (folder / "requirements.txt").read_text(encoding="utf-8")
    assert "one machine" not in (folder / "README.md").read_text(encoding="utf-8")


def test_given_the_wheel_when_opened_then_it_has_every_file_that_projects_get(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    shutil.copytree(
        ROOT,
        source,
        ignore=shutil.ignore_patterns(".*", "node_modules", "build", "cdk.out", "tests", "docs", "*.egg-info"),
    )
    for hidden in (".npmrc", ".github"):
        if (ROOT / hidden).is_dir():
            shutil.copytree(ROOT / hidden, source / hidden)
        elif (ROOT / hidden).exists():
            shutil.copy(ROOT / hidden, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    subprocess.run([*command, "-w", str(tmp_path), str(source)], env=environment, check=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "opened")
    (data,) = (tmp_path / "opened").glob("*.data/data")
    from_checkout = template.copied_files(template.template_folder())
    monkeypatch.setattr(template, "__file__", str(tmp_path / "elsewhere" / "a" / "b" / "c" / "d" / "template.py"))
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(data))
    assert template.copied_files(template.template_folder()) == from_checkout
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    with pytest.raises(UsageError):
        template.template_folder()
