"""One look at one thing: what was found, and what is wrong with it if anything."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from ai_on_eks.errors import Problem


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
