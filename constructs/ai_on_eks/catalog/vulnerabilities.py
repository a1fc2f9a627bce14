"""Versions of node parts and charts that are known to be vulnerable, read from `data/vulnerabilities.json`.

affected = from ≤ version < below, or version ≤ through, in any of its branches
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msgspec import Struct

from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.versions import numbers

SERIOUS_SCORE = 7.0
"""From here on CVSS 3.1 calls a vulnerability high (FIRST, qualitative severity rating scale)."""

NVIDIA_DRIVER, CONTAINER_TOOLKIT = "NVIDIA driver", "container toolkit"
"""Parts that only images for NVIDIA's GPUs have."""


class Vulnerability(Struct, frozen=True):
    """One way in, with the versions that have it.

    part   what has it: a part of a node's image, or a chart by name
    score  CVSS 3.1; None = not read anywhere
    """

    part: str
    ids: tuple[str, ...]
    what: str
    score: float | None
    affected: tuple[Mapping[str, str], ...]
    source: str

    @property
    def is_serious(self) -> bool:
        """High or critical; one without a score is taken for it."""
        return self.score is None or self.score >= SERIOUS_SCORE

    def has(self, version: str) -> bool:
        """Is this version one of those affected?"""
        return any(_within(numbers(version), branch) for branch in self.affected)


@cache
def vulnerabilities() -> tuple[Vulnerability, ...]:
    """Every one, in the file's order."""
    return tuple(
        Vulnerability(
            part=one["part"],
            ids=tuple(one["ids"]),
            what=one["what"],
            score=one["score"],
            affected=tuple(one["affected"]),
            source=one["source"],
        )
        for one in read("vulnerabilities.json")["vulnerabilities"]
    )


def known_in(parts: Mapping[str, str | None]) -> tuple[Vulnerability, ...]:
    """Those that versions have, by part; a version that is not known has none. The worst first."""
    found = [one for one in vulnerabilities() if (version := parts.get(one.part)) is not None and one.has(version)]
    return tuple(sorted(found, key=lambda one: (-(one.score or 10.0), one.part, one.ids)))


def _within(version: tuple[int, ...], branch: Mapping[str, str]) -> bool:
    begins, below, through = branch.get("from"), branch.get("below"), branch.get("through")
    return (
        (begins is None or version >= numbers(begins))
        and (below is None or version < numbers(below))
        and (through is None or version <= numbers(through))
    )
