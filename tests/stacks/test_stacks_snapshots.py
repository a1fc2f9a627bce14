"""One snapshot per stack: what changed in a template is seen in review. Refresh with UPDATE_SNAPSHOTS=1."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

pytest_plugins = ["stacks_fixtures"]

SNAPSHOTS = Path(__file__).parent / "snapshots"
STACKS = ("network", "cluster", "capacity", "addons", "storage", "serving")

ASSET_HASH = re.compile(r"\b[0-9a-f]{64}\b")
"""Of the kubectl Lambda and its layers: they change with every release of aws-cdk-lib and say nothing of ours."""


def normalized(template: dict[str, Any]) -> str:
    return ASSET_HASH.sub("<asset hash>", json.dumps(template, indent=1, sort_keys=True)) + "\n"


@pytest.mark.parametrize("unit", STACKS)
def test_the_template_is_the_one_that_was_reviewed(applied: dict[str, dict[str, Any]], unit: str) -> None:
    now = normalized(applied[f"ai-{unit}"])
    path = SNAPSHOTS / f"{unit}.template.json"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(now, encoding="utf-8")
    assert now == path.read_text(encoding="utf-8")


def test_every_snapshot_has_its_stack() -> None:
    assert {path.name for path in SNAPSHOTS.iterdir()} == {f"{unit}.template.json" for unit in STACKS}
