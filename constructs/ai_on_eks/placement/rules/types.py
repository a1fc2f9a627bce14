"""What a rule is, and what it looks at. What it answers is a `Violation`."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.types import Candidate, Placement
from ai_on_eks.placement.violations import Violation


class CandidateRule(Struct, frozen=True):
    """A rule that needs no figures of the model. Of the candidate it looks at what its list of rules says, no more."""

    name: str
    check: Callable[[Candidate, Requirements, Catalog], Violation | None]


class PlacementRule(Struct, frozen=True):
    """A rule about a placement whose memory, speed and price are known."""

    name: str
    check: Callable[[Placement, Requirements], Violation | None]
