"""Sizing and planning start quickly: no Node, no cloud SDK, no number library, whatever a test imported before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from architecture_repository import LIBRARY, ROOT, SOURCE_ROOT

FORBIDDEN = ("aws_cdk", "boto3", "botocore", "cdk8s", "constructs", "highspy", "jsii", "numpy")
"""Each costs more than a whole `plan` may take, or starts a Node process."""

SLOW_IN_PLAN = (*FORBIDDEN, "asyncio", "jsonschema", "urllib.request")
"""Packages and parts of the standard library that a successful plan has no use for."""

PLAN_PATH = ("catalog", "descriptors", "performance", "placement", "serving", "sizing")


def _modules(layer: str) -> list[str]:
    paths = sorted((LIBRARY / layer).rglob("*.py"))
    names = (path.relative_to(SOURCE_ROOT).with_suffix("").parts for path in paths)
    return [".".join(parts[:-1] if parts[-1] == "__init__" else parts) for parts in names]


def _loaded_after(code: str) -> set[str]:
    """Modules that a fresh interpreter has loaded after running `code`."""
    report = "import sys, json; print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.strip().splitlines()[-1]))


@pytest.mark.parametrize("layer", PLAN_PATH)
def test_given_a_fresh_process_when_a_plan_layer_is_imported_then_nothing_heavy_is_loaded(layer: str) -> None:
    names = _modules(layer)
    assert names, f"{layer} has no modules"
    loaded = _loaded_after("\n".join(f"import {name}" for name in ("ai_on_eks.errors", "ai_on_eks.units", *names)))
    assert [name for name in FORBIDDEN if name in loaded] == []


def test_given_a_fresh_process_when_four_models_are_planned_then_nothing_slow_is_loaded() -> None:
    models = [str(path.relative_to(ROOT)) for path in sorted((ROOT / "models").glob("*.yaml"))]
    assert len(models) == 4
    code = f"from ai_on_eks.cli.main import main\nassert main(['plan', *{models!r}, '--json']) == 0"
    loaded = _loaded_after(code)
    assert "ai_on_eks.placement.planning" in loaded, "the plan did not run"
    assert [name for name in SLOW_IN_PLAN if name in loaded] == []


def test_given_a_fresh_process_when_local_files_are_described_then_no_network_is_loaded(tmp_path: Path) -> None:
    config = {
        "model_type": "resnet",
        "depths": [3, 4, 6, 3],
        "hidden_sizes": [256, 512, 1024, 2048],
        "embedding_size": 64,
    }
    (tmp_path / "config.json").write_text(json.dumps({**config, "layer_type": "bottleneck", "num_channels": 3}))
    (tmp_path / "m.safetensors").write_bytes(b"\x02" + bytes(7) + b"{}")
    code = (
        "from ai_on_eks.cli.main import main\n"
        f"assert main(['describe', {str(tmp_path)!r}]) == 0\n"
        f"assert main(['describe', {str(tmp_path / 'm.safetensors')!r}]) == 4  # it holds nothing"
    )
    loaded = _loaded_after(code)
    network = {"ai_on_eks.web", "http.client", "ssl", "urllib.request"}
    assert network & loaded == set()


def test_given_an_import_of_numpy_when_modules_are_listed_then_this_test_would_see_it(tmp_path: Path) -> None:
    """The check itself: a module of a forbidden name is found."""
    (tmp_path / "numpy.py").write_text("", encoding="utf-8")
    assert "numpy" in _loaded_after(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import numpy")
