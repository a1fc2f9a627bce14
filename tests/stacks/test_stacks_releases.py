"""The way from every release to now: nothing of a platform that somebody deployed may be destroyed unreviewed.

A release keeps its templates, as the snapshots have them, in tests/releases/. Keep one with KEEP_RELEASE=0.2.0, in the
commit that dates it in the changelog; docs/logical-ids.md has the steps.
"""

from __future__ import annotations

import copy
import gzip
import json
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from snapshot_files import SNAPSHOTS

from ai_on_eks.review.allowed import judge, load_allowances
from ai_on_eks.review.replacement import destructions

RELEASES = Path(__file__).resolve().parents[1] / "releases"
ALLOWED = RELEASES / "allow-destroy.yaml"
CHANGELOG = RELEASES.parents[1] / "CHANGELOG.md"

Templates = Mapping[str, Mapping[str, Any]]
Platforms = Mapping[str, Templates]
"""Templates by stack, by platform: the folders of the snapshots."""

RELEASED = re.compile(r"^## (\d+\.\d+\.\d+) \(\d{4}-\d{2}-\d{2}\)$", re.MULTILINE)


def templates_now() -> Platforms:
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(SNAPSHOTS.rglob("*.template.json")):
        platform = path.parent.relative_to(SNAPSHOTS).as_posix()
        found.setdefault(platform, {})[path.name.partition(".")[0]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def kept() -> dict[str, Platforms]:
    return {
        path.name.removesuffix(".json.gz"): json.loads(gzip.decompress(path.read_bytes()))
        for path in sorted(RELEASES.glob("*.json.gz"))
    }


def keep(version: str, folder: Path) -> Path:
    """The record of a release; the same templates give the same bytes."""
    path = folder / f"{version}.json.gz"
    path.write_bytes(gzip.compress(json.dumps(templates_now(), sort_keys=True).encode(), mtime=0))
    return path


def blocking(before: Platforms, now: Platforms) -> list[str]:
    """What would be destroyed, in any platform that both know, and is not in the list of what was reviewed."""
    allowances, today = load_allowances(ALLOWED), datetime.now(UTC).date()
    return [
        f"{platform}: {one.destruction.place} {one.destruction.action.value} {', '.join(one.destruction.properties)}"
        for platform in sorted(before.keys() & now.keys())
        for one in judge(destructions(before[platform], now[platform]), allowances, today)
        if one.blocks
    ]


def test_a_platform_of_any_release_comes_to_now_without_an_unreviewed_destruction() -> None:
    if version := os.environ.get("KEEP_RELEASE"):
        keep(version, RELEASES)
    assert {version: found for version, before in kept().items() if (found := blocking(before, templates_now()))} == {}


def test_no_platform_of_a_release_is_lost_from_what_is_compared() -> None:
    now = templates_now()
    assert {version: lost for version, before in kept().items() if (lost := sorted(before.keys() - now.keys()))} == {}


def test_every_release_of_the_changelog_has_kept_its_templates() -> None:
    assert set(RELEASED.findall(CHANGELOG.read_text(encoding="utf-8"))) <= set(kept())


def planted(change: str) -> Platforms:
    """Now, with a change that would cost somebody's data."""
    now = copy.deepcopy({name: dict(stacks) for name, stacks in templates_now().items()})
    cluster = now["."]["cluster"]["Resources"]
    (name,) = (name for name, item in cluster.items() if item["Type"] == "AWS::EKS::Cluster")
    if change == "renamed":
        cluster["Renamed"] = cluster.pop(name)
    else:
        cluster[name]["Properties"]["Name"] = "another"
    return now


@pytest.mark.parametrize("change", ["renamed", "replaced"])
def test_a_planted_destruction_is_told(change: str, tmp_path: Path) -> None:
    release = json.loads(gzip.decompress(keep("0.0.1", tmp_path).read_bytes()))
    assert blocking(release, templates_now()) == []
    told = blocking(release, planted(change))
    assert any(one.startswith(".: cluster/") for one in told)


def test_a_release_is_recorded_in_the_same_bytes_every_time(tmp_path: Path) -> None:
    first = keep("0.0.1", tmp_path).read_bytes()
    assert keep("0.0.2", tmp_path).read_bytes() == first
    assert len(first) < 1_000_000


@pytest.mark.parametrize(("heading", "versions"), [("## 0.1.0 (unreleased)", []), ("## 0.2.0 (2027-01-31)", ["0.2.0"])])
def test_a_dated_heading_is_a_release(heading: str, versions: list[str]) -> None:
    assert RELEASED.findall(f"# Changelog\n\n{heading}\n") == versions
