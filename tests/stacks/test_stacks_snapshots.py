"""One snapshot per stack and profile: what changed in a template is seen in review."""

from __future__ import annotations

from typing import Any

import pytest
from snapshot_files import SNAPSHOTS, compare
from strategy_samples import STRATEGIES

from ai_on_eks.descriptors.platform import CapacityStrategy
from ai_on_eks.descriptors.profiles import Profile

pytest_plugins = ["stacks_fixtures"]

STACKS = ("network", "cluster", "capacity", "addons", "storage", "serving")

OF_STRATEGY = {
    CapacityStrategy.KARPENTER: ("capacity", "addons", "serving"),
    CapacityStrategy.AUTO_MODE: ("cluster", "capacity", "serving"),
}
"""The stacks that another strategy changes; test_stacks_strategies.py compares them."""

CASES = [
    *((Profile.MINIMAL, unit) for unit in STACKS),
    *((Profile.PRODUCTION, unit) for unit in STACKS),
    *((Profile.PRIVATE, unit) for unit in STACKS if unit != "serving"),
]
"""`private` has no serving stack: nothing is applied from a network that reaches nothing."""
OF_STORAGE = ("addons", "storage", "serving")
"""The stacks that file systems change in more than exports; test_stacks_storage.py compares them."""


def name(profile: Profile, unit: str) -> str:
    return unit if profile is Profile.MINIMAL else f"{profile}/{unit}"


@pytest.mark.parametrize(("profile", "unit"), CASES)
def test_the_template_is_the_one_that_was_reviewed(
    by_profile: dict[Profile, dict[str, Any]], profile: Profile, unit: str
) -> None:
    compare(by_profile[profile][f"ai-{unit}"], name(profile, unit))


def test_every_snapshot_has_its_stack() -> None:
    profiles = {f"{name(profile, unit)}.template.json" for profile, unit in CASES}
    others = {f"{strategy}/{unit}.template.json" for strategy in STRATEGIES for unit in OF_STRATEGY[strategy]}
    monitored = {f"monitoring-{kind}/observability.template.json" for kind in ("in-cluster", "managed")}
    stored = {f"storage/{unit}.template.json" for unit in OF_STORAGE}
    found = {str(path.relative_to(SNAPSHOTS)) for path in SNAPSHOTS.rglob("*.json")}
    pipelines = {f"pipeline/{kind}.template.json" for kind in ("published", "release")}
    assert found == profiles | others | monitored | stored | pipelines
