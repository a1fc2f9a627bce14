"""Time to the first answer."""

from __future__ import annotations

from typing import Any

from ai_on_eks.performance.readiness import Readiness


def readiness_mapping(start: Readiness | None) -> dict[str, Any] | None:
    """Seconds from the start of a new node to the first answer; null where nothing was estimated."""
    if start is None:
        return None
    return {
        "total_seconds": round(start.total_seconds, 1),
        "terms": [{"name": term.name, "seconds": round(term.seconds, 1)} for term in start.terms],
    }
