"""Findings that stay, each with its reason, beside what was found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml
from msgspec import Struct, convert

FILE = Path(__file__).parent / "accepted.yaml"


class Accepted(Struct, frozen=True, forbid_unknown_fields=True):
    """One reason, and the checks and kinds of pods that it holds for."""

    checks: tuple[str, ...]
    pods: tuple[str, ...]
    reason: str


def accepted() -> tuple[Accepted, ...]:
    """The reviewed file."""
    return convert(yaml.safe_load(FILE.read_text(encoding="utf-8")), tuple[Accepted, ...])


def pairs(entries: Iterable[Accepted]) -> list[tuple[str, str]]:
    """Each check with each kind of pod, as often as it is written."""
    return [(check, kind) for one in entries for check in one.checks for kind in one.pods]


def differences(found: Mapping[tuple[str, str], str], entries: Iterable[Accepted]) -> list[str]:
    """What has no reason, and reasons that nothing needs; empty where each finding has its reason. `found` has an
    example of each check and kind."""
    explained = {*pairs(entries)}
    unexplained = [f"{check} on {kind}, as of {found[check, kind]}" for check, kind in sorted({*found} - explained)]
    unneeded = [f"{check} on {kind} is accepted and was not found" for check, kind in sorted(explained - {*found})]
    return [*unexplained, *unneeded]
