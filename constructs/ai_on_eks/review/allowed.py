"""Replacements and removals that somebody looked at and means: `allow-destroy.yaml` of the project.

    version: 1
    allow_destroy:
      - stack: ai-on-eks-storage
        logical_id: Lustre*             # a name, or its beginning and a star
        release: 0.2.0                  # that brings the change
        reason: moves to the zone of the new reservation; files were copied
        expires: 2026-12-31             # the last day on which this counts

An entry that has expired counts no longer, and one that names nothing of the change is told, so that the list stays
about what is still to come.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Struct
from pydantic import Field, StringConstraints

from ai_on_eks.descriptors.documents import read_yaml
from ai_on_eks.descriptors.patterns import DAY, LOGICAL_IDS, NOT_BLANK, STACK
from ai_on_eks.descriptors.schema import Strict
from ai_on_eks.descriptors.validation import validate
from ai_on_eks.errors import Problem
from ai_on_eks.review.replacement import Destruction

FILE = "allow-destroy.yaml"
MAX_ENTRIES = 200

Text = Annotated[str, StringConstraints(max_length=500, pattern=NOT_BLANK.expression)]


class Allowance(Strict):
    """One entry. `logical_id` may end with a star; what stands before it has to be there."""

    stack: Annotated[str, StringConstraints(pattern=STACK.expression)]
    logical_id: Annotated[str, StringConstraints(pattern=LOGICAL_IDS.expression)]
    release: Text
    reason: Text
    expires: Annotated[str, StringConstraints(pattern=DAY.expression)]

    def names(self, one: Destruction) -> bool:
        """Whether the entry is about this resource."""
        if one.stack != self.stack:
            return False
        beginning = self.logical_id.removesuffix("*")
        return one.logical_id.startswith(beginning) if self.logical_id.endswith("*") else one.logical_id == beginning

    def counts_on(self, day: date) -> bool:
        return day.isoformat() <= self.expires


class Allowances(Strict):
    """The file."""

    version: Literal[1]
    allow_destroy: Annotated[tuple[Allowance, ...], Field(max_length=MAX_ENTRIES)] = ()


class Judged(Struct, frozen=True):
    """A destruction and the entry that lets it through; `expired` where only an old one names it."""

    destruction: Destruction
    allowance: Allowance | None = None
    expired: bool = False

    @property
    def blocks(self) -> bool:
        return self.allowance is None or self.expired


def can_be_named(one: Destruction) -> bool:
    """Whether an entry can have this stack and logical id; templates of other tools may hold anything."""
    return bool(re.fullmatch(STACK.expression, one.stack) and re.fullmatch(LOGICAL_IDS.expression, one.logical_id))


def load_allowances(path: Path) -> tuple[Allowance, ...]:
    """The entries of the file; none where there is no file."""
    if not path.exists():
        return ()
    return validate(read_yaml(path), Allowances, _check).allow_destroy


def judge(destructions: Sequence[Destruction], allowances: Sequence[Allowance], day: date) -> tuple[Judged, ...]:
    """Every destruction with its entry, those that block first."""
    judged = [_judged(one, allowances, day) for one in destructions]
    return tuple(sorted(judged, key=lambda one: not one.blocks))


def unused(destructions: Sequence[Destruction], allowances: Sequence[Allowance]) -> tuple[Allowance, ...]:
    """Entries that name nothing of the change."""
    return tuple(one for one in allowances if not any(one.names(other) for other in destructions))


def _judged(one: Destruction, allowances: Sequence[Allowance], day: date) -> Judged:
    naming = sorted((entry for entry in allowances if entry.names(one)), key=lambda entry: entry.expires)
    if not naming:
        return Judged(one)
    return Judged(one, naming[-1], expired=not naming[-1].counts_on(day))


def _check(given: Allowances) -> list[Problem]:
    problems = []
    for i, one in enumerate(given.allow_destroy):
        try:
            date.fromisoformat(one.expires)
        except ValueError:
            path = f"allow_destroy[{i}].expires"
            problems.append(Problem("not-a-date", "is no day of the calendar", path=path, value=one.expires))
    return problems
