"""How old each part of the catalogue is and where it comes from."""

from __future__ import annotations

from typing import Any

from ai_on_eks.catalog.loading import Catalog


def snapshot_mapping(catalog: Catalog) -> dict[str, Any]:
    """Date and source by part of the catalogue."""
    return {
        part: {"date": snapshot.date, "source": snapshot.source} for part, snapshot in sorted(catalog.snapshot.items())
    }
