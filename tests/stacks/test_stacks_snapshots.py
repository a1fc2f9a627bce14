"""One snapshot per stack: what changed in a template is seen in review."""

from __future__ import annotations

from typing import Any

import pytest
from snapshot_files import SNAPSHOTS, compare
from strategy_samples import STRATEGIES

from ai_on_eks.descriptors.platform import CapacityStrategy

pytest_plugins = ["stacks_fixtures"]

STACKS = ("network", "cluster", "capacity", "addons", "storage", "serving")

OF_STRATEGY = {
    CapacityStrategy.KARPENTER: ("capacity", "addons", "serving"),
    CapacityStrategy.AUTO_MODE: ("cluster", "capacity", "serving"),
}
"""The stacks that another strategy changes; test_stacks_strategies.py compares them."""


@pytest.mark.parametrize("unit", STACKS)
def test_the_template_is_the_one_that_was_reviewed(applied: dict[str, dict[str, Any]], unit: str) -> None:
    compare(applied[f"ai-{unit}"], unit)


def test_every_snapshot_has_its_stack() -> None:
    default = {f"{unit}.template.json" for unit in STACKS}
    others = {f"{strategy}/{unit}.template.json" for strategy in STRATEGIES for unit in OF_STRATEGY[strategy]}
    monitored = {f"monitoring-{kind}/observability.template.json" for kind in ("in-cluster", "managed")}
    assert {str(path.relative_to(SNAPSHOTS)) for path in SNAPSHOTS.rglob("*.json")} == default | others | monitored
