"""The top level is a contract, and one file in the wrong place would shadow the library `constructs`."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from architecture_repository import LIBRARY, ROOT, SOURCE_ROOT, files

LAYERS = (
    "aws",
    "catalog",
    "cli",
    "descriptors",
    "drift",
    "kube",
    "maintenance",
    "performance",
    "placement",
    "programs",
    "review",
    "serving",
    "sizing",
)
PROGRAMS = "ai_on_eks.programs"
"""They run in the cluster, with the libraries of the images there."""

NOT_IN_THE_CONTRACT = ("__init__", "__main__")
"""Modules of the library that are no layer: they hold nothing but the way to the command."""

TOP_LEVEL_PACKAGES = ("k8s", "stacks")
TOP_LEVEL = (
    "CHANGELOG.md", "LICENSE", "Makefile", "README.md", "app.py", "cdk.json", "constructs", "docs", "docs/decisions",
    "k8s", "models", "package-lock.json", "package.json", "platform.yaml", "pyproject.toml", "requirements.txt",
    "stacks", "tests",
)  # fmt: skip


@pytest.mark.parametrize("name", TOP_LEVEL)
def test_given_the_repository_when_listed_then_the_agreed_entry_exists(name: str) -> None:
    assert (ROOT / name).exists(), f"{name} is part of the agreed top level"


def test_given_the_source_root_when_listed_then_it_is_no_package() -> None:
    assert not (SOURCE_ROOT / "__init__.py").exists(), "constructs/__init__.py would shadow PyPI's constructs"


def test_given_the_source_root_when_listed_then_only_the_library_lies_in_it() -> None:
    found = {
        entry.name
        for entry in SOURCE_ROOT.iterdir()
        if entry.name != "__pycache__" and not entry.name.endswith(".egg-info")
    }
    assert found == {"ai_on_eks"}


@pytest.mark.parametrize("layer", LAYERS)
def test_given_a_layer_when_looked_up_then_it_is_a_package(layer: str) -> None:
    assert (LIBRARY / layer / "__init__.py").is_file()


def test_given_the_library_when_listed_then_every_package_is_an_agreed_layer() -> None:
    packages = {entry.name for entry in LIBRARY.iterdir() if entry.is_dir() and entry.name != "__pycache__"}
    assert packages == set(LAYERS)


def test_given_a_layer_when_listed_then_it_holds_code() -> None:
    """A package of nothing but empty files promises what is not there."""
    assert [layer for layer in LAYERS if not any(path.stat().st_size for path in (LIBRARY / layer).rglob("*.py"))] == []


def test_given_the_import_contract_when_read_then_it_names_every_layer_and_module() -> None:
    (layers,) = (contract["layers"] for contract in _contracts() if contract["type"] == "layers")
    named = {name.strip() for line in layers for name in line.split("|")}
    modules = {path.stem for path in LIBRARY.glob("*.py")} - set(NOT_IN_THE_CONTRACT)
    assert {f"ai_on_eks.{name}" for name in (*LAYERS, *modules)} | set(TOP_LEVEL_PACKAGES) <= named


def test_given_the_contract_of_the_cloud_sdk_when_read_then_it_holds_everyone_but_maintenance() -> None:
    (contract,) = (one for one in _contracts() if "ai_on_eks.maintenance" in one.get("forbidden_modules", ()))
    modules = {path.stem for path in LIBRARY.glob("*.py")} - set(NOT_IN_THE_CONTRACT)
    expected = {f"ai_on_eks.{name}" for name in (*LAYERS, *modules)} | set(TOP_LEVEL_PACKAGES)
    assert set(contract["source_modules"]) == expected - {"ai_on_eks.maintenance", PROGRAMS}


def test_given_the_tests_when_listed_then_each_folder_mirrors_something() -> None:
    packages = {path.parent.name for path in LIBRARY.rglob("__init__.py")} - {LIBRARY.name}
    allowed = {
        *packages,
        *TOP_LEVEL_PACKAGES,
        "app",
        "architecture",
        "conformance",
        "docs",
        "matrix",
        "rehearsal",
        "releases",
        "scan",
    }
    folders = {entry.name for entry in (ROOT / "tests").iterdir() if entry.is_dir() and entry.name != "__pycache__"}
    assert folders <= allowed


def test_given_the_tests_when_listed_then_module_names_are_unique() -> None:
    """Test folders are no packages, so two modules of one name would be one module to Python."""
    names = Counter(path.name for path in files(ROOT / "tests") if path.suffix == ".py" and path.name != "conftest.py")
    assert [name for name, count in sorted(names.items()) if count > 1] == []


def test_given_the_root_first_on_the_path_when_constructs_is_imported_then_it_is_the_library_from_pypi() -> None:
    imported = _run("import constructs; print(constructs.__file__ or '')")
    path = Path(imported)
    assert path.name == "__init__.py"
    assert SOURCE_ROOT not in path.parents


def test_given_the_root_first_on_the_path_when_the_library_is_imported_then_it_comes_from_the_source_root() -> None:
    assert Path(_run("import ai_on_eks; print(ai_on_eks.__file__)")).parent == LIBRARY


def _contracts() -> list[dict[str, Any]]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return contracts


def _run(code: str) -> str:
    """What a fresh interpreter prints, started in the root as `python app.py` is."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(SOURCE_ROOT)))}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
