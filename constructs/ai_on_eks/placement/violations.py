"""What a rule answers: why not, by how much, and the smallest change that would help.

A plan rejects hundreds of candidates and its reader looks at a few, so a violation keeps figures and the function that
words them. Two are equal when both are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Words(NamedTuple):
    """A violation as it is read. `shortfall` is in the unit its text names ('3.1 GiB', '2 GPUs'), or None."""

    reason: str
    shortfall: str | None = None
    fix: str | None = None


class Violation(NamedTuple):
    """Why not. `missing` orders violations of one rule, all in one unit; None where nothing can be measured."""

    worded: Callable[..., Words]
    figures: tuple[Any, ...]
    missing: float | None = None

    @property
    def words(self) -> Words:
        return self.worded(*self.figures)


def stated(reason: str, fix: str | None = None) -> Violation:
    """A violation whose words cost nothing."""
    return Violation(Words, (reason, None, fix))
