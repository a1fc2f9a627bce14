"""What a rule is and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.types import Candidate, Placement


@dataclass(frozen=True, slots=True)
class Violation:
    """Why not, and by how much, in the user's words."""

    reason: str
    shortfall: str | None = None


@dataclass(frozen=True, slots=True)
class CandidateRule:
    """A rule that needs no figures of the model."""

    name: str
    check: Callable[[Candidate, Requirements, Catalog], Violation | None]


@dataclass(frozen=True, slots=True)
class PlacementRule:
    """A rule about a placement whose memory, speed and price are known."""

    name: str
    check: Callable[[Placement, Requirements], Violation | None]
