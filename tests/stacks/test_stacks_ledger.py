"""No change may replace what holds data: logical ids and create-only properties are those of the ledger.

How to change it: docs/logical-ids.md.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import stacks_samples as samples
import strategy_samples
from msgspec.structs import replace
from stacks_ledger import GONE, NEW, Change, Entry, differences, entries, updated
from strategy_samples import STRATEGIES

from ai_on_eks.descriptors.platform import CapacityStrategy
from ai_on_eks.descriptors.profiles import Profile
from ai_on_eks.review.create_only import updates_of

pytest_plugins = ["stacks_fixtures"]

LEDGER = Path(__file__).parent / "logical_ids.json"

PLATFORMS = {"default": "applied", "rendered": "rendered", "storage": "stored", "pipeline": "released"}
"""Fixture of the platform's templates by its name in the ledger."""

PROFILES = tuple(profile.value for profile in Profile if profile is not Profile.MINIMAL)
"""Those beside the one that the default platform starts from."""

NAMES = (*PLATFORMS, *(str(strategy) for strategy in STRATEGIES), *PROFILES)

Stacks = dict[str, dict[str, Entry]]

ALLOWED: tuple[Change, ...] = ()
"""Replacements that were reviewed, each with the version that brings it and the reason. Cleared with a release."""


def recorded() -> dict[str, Stacks]:
    ledger: dict[str, Stacks] = json.loads(LEDGER.read_text(encoding="utf-8")) if LEDGER.exists() else {}
    return ledger


@pytest.fixture(scope="session")
def now_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Stacks]:
    """What is synthesized for a platform, as entries of the ledger."""

    def of(platform: str) -> Stacks:
        if platform in PLATFORMS:
            templates: dict[str, dict[str, Any]] = request.getfixturevalue(PLATFORMS[platform])
        else:
            scratch = tmp_path_factory.mktemp("ledger")
            if platform in PROFILES:
                deployment = replace(samples.deployment(), platform=samples.profiled(platform, scratch))
            else:
                deployment = strategy_samples.deployment(CapacityStrategy(platform))
            folder = strategy_samples.synthesize(deployment, scratch / "cdk.out")
            files = sorted(folder.glob("*.template.json"))
            templates = {path.name.partition(".")[0]: json.loads(path.read_text(encoding="utf-8")) for path in files}
        return {stack: entries(template) for stack, template in templates.items()}

    return of


@pytest.mark.parametrize("platform", NAMES)
def test_nothing_that_holds_data_is_renamed_or_replaced(platform: str, now_of: Callable[[str], Stacks]) -> None:
    now = now_of(platform)
    if os.environ.get("UPDATE_LEDGER") == "1":
        ledger = recorded()
        ledger[platform] = updated(ledger.get(platform, {}), now, ALLOWED)
        LEDGER.write_text(json.dumps(ledger, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    assert list(differences(recorded().get(platform, {}), now)) == []


def test_the_ledger_holds_the_platforms_that_are_tested_and_no_others() -> None:
    assert sorted(recorded()) == sorted(NAMES)


def test_every_allowed_change_says_why_and_since_when() -> None:
    assert [one for one in ALLOWED if not (one.version.strip() and one.reason.strip())] == []


def test_the_schemas_name_what_the_ledger_is_about() -> None:
    assert {"SubnetIds", "SecurityGroupIds", "KmsKeyId"} <= set(updates_of("AWS::FSx::FileSystem").create_only)
    assert {"Name", "EncryptionConfig"} <= set(updates_of("AWS::EKS::Cluster").create_only)
    assert updates_of("AWS::EFS::AccessPoint").create_only == (
        "ClientToken",
        "FileSystemId",
        "PosixUser",
        "RootDirectory",
    )


def with_fault(change: str) -> tuple[Stacks, Stacks]:
    """The ledger's own storage stack before and after a planted change of its file system."""
    before = {"ai-storage": recorded()["storage"]["ai-storage"]}
    after = copy.deepcopy(before)
    (name,) = [key for key, entry in after["ai-storage"].items() if entry["type"] == "AWS::FSx::FileSystem"]
    if change == "renamed":
        after["ai-storage"]["LustreRenamed"] = after["ai-storage"].pop(name)
    elif change == "moved":
        after["ai-storage"][name]["create_only"]["SubnetIds"] = ["subnet-of-another-zone"]
    else:
        del after["ai-storage"][name]["create_only"]["KmsKeyId"]
    return before, after


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("renamed", {GONE, NEW}),
        ("moved", {"would be replaced: SubnetIds changed"}),
        ("key lost", {"would be replaced: KmsKeyId changed"}),
    ],
)
def test_a_planted_replacement_is_told_and_not_recorded_by_itself(change: str, told: set[str]) -> None:
    before, after = with_fault(change)
    assert {what for _stack, _name, what in differences(before, after)} == told
    assert {what for _stack, _name, what in differences(updated(before, after, ()), after)} == told - {NEW}


def test_a_reviewed_replacement_is_recorded() -> None:
    before, after = with_fault("moved")
    ((stack, name, _what),) = differences(before, after)
    allowed = (Change(stack, name, "0.2.0", "the file system moves to the zone of the new reservation"),)
    assert list(differences(updated(before, after, allowed), after)) == []
