"""One look at one thing: what was found, and what is wrong with it if anything."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.output import terminal_width
from ai_on_eks.errors import Problem

COLUMNS = (Column("check"), Column("verdict"), Column("found"))


class Verdict(StrEnum):
    GOOD = "good"
    FINDING = "finding"
    SKIPPED = "skipped"


class Check(Struct, frozen=True):
    """`found` is what was seen, or why nothing was looked at."""

    name: str
    found: str
    problems: tuple[Problem, ...] = ()
    skipped: bool = False

    @property
    def verdict(self) -> Verdict:
        if self.skipped:
            return Verdict.SKIPPED
        return Verdict.FINDING if self.problems else Verdict.GOOD


def skipped(name: str, why: str) -> Check:
    """Nothing to look at, or nothing to look with."""
    return Check(name, why, skipped=True)


def checks_text(checks: Sequence[Check]) -> str:
    """A line for each check; what is wrong is told behind the table."""
    return table(COLUMNS, [(check.name, check.verdict, check.found) for check in checks], terminal_width())


def check_mapping(check: Check) -> dict[str, Any]:
    return {
        "check": check.name,
        "verdict": check.verdict,
        "found": check.found,
        "findings": [problem.as_json() for problem in check.problems],
    }
