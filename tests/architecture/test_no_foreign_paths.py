"""A clone builds anywhere: no path of one machine, no server of one network, no version left open."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from architecture_repository import ROOT, files

MACHINE_PATHS = re.compile(
    r"(?<![\w./$}])/(?:home/(?!engine\b)|Users/|root/|work/|private/tmp/)[A-Za-z]|[A-Za-z]:\\Users\\"
)
"""Home folders and the like; the exception is the home of the serving containers, which is ours to choose."""

PACKAGE_FILES = (
    ".npmrc", "Makefile", "package-lock.json", "package.json", "project.mk", "pyproject.toml", "requirements-docs.txt",
    "requirements-lint.txt", "requirements.txt",
)  # fmt: skip
REQUIREMENT_FILES = ("requirements-docs.txt", "requirements-lint.txt", "requirements.txt")
INDEX_SETTINGS = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host|^\s*registry\s*=|/simple\b", re.MULTILINE
)
EXACT_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][A-Za-z0-9.+!]*")
EXACT_VERSION = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")


def test_given_every_text_file_when_searched_then_it_names_no_folder_of_one_machine() -> None:
    found = []
    for path in files():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            if MACHINE_PATHS.search(line) and path.name != "test_no_foreign_paths.py":
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert found == []


@pytest.mark.parametrize("text", ["cd /home/someone/project", "see '/Users/me/x'", "C:\\Users\\me", "(/root/cache)"])
def test_given_a_folder_of_one_machine_when_searched_then_it_is_found(text: str) -> None:
    assert MACHINE_PATHS.search(text)


@pytest.mark.parametrize(
    "text", ["s3://bucket/home/x", "https://host/root/a", "${HOME}/x", "mnt/work/x", "/homes/x", "/home/engine/.cache"]
)
def test_given_other_text_when_searched_then_it_is_not_taken_for_one(text: str) -> None:
    assert not MACHINE_PATHS.search(text)


@pytest.mark.parametrize("name", PACKAGE_FILES)
def test_given_a_package_file_when_read_then_it_names_no_package_server(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert INDEX_SETTINGS.findall(text) == []
    assert re.findall(r"https?://\S+", text) == []
    assert re.findall(r"file:/\S+", text) == []


def test_given_the_npm_lock_when_read_then_no_entry_names_where_it_came_from() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    assert [name for name, entry in packages.items() if not entry.get("integrity", "").startswith("sha512-")] == []


def test_given_package_json_when_read_then_every_version_is_exact_and_locked() -> None:
    manifest = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    asked = dict(_dependencies(manifest))
    assert asked
    assert {name: version for name, version in asked.items() if not EXACT_VERSION.fullmatch(version)} == {}
    assert {name: lock["packages"][f"node_modules/{name}"]["version"] for name in asked} == asked


@pytest.mark.parametrize("name", REQUIREMENT_FILES)
def test_given_a_requirements_file_when_read_then_every_line_is_pinned(name: str) -> None:
    lines = [line.strip() for line in (ROOT / name).read_text(encoding="utf-8").splitlines()]
    requirements = [line for line in lines if line and not line.startswith("#")]
    assert requirements
    assert [line for line in requirements if not EXACT_REQUIREMENT.fullmatch(line)] == []


@pytest.mark.parametrize("name", REQUIREMENT_FILES)
def test_given_a_requirements_file_when_read_then_no_package_is_named_twice(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    names = [line.partition("==")[0].lower().replace("_", "-") for line in lines if line and not line.startswith("#")]
    assert len(names) == len(set(names))


def _dependencies(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for section in ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies"):
        yield from manifest.get(section, {}).items()
