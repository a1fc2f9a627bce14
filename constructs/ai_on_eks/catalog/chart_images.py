"""Which images a chart pulls and where its values name them, read from `data/chart_images.json`."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.catalog.reading import read


def image_repositories(chart: str) -> Mapping[str, str] | None:
    """Public repository by dotted path of the chart's values; None for a chart whose images are not known."""
    entry = read("chart_images.json")["charts"].get(chart)
    if entry is None:
        return None
    repositories: Mapping[str, str] = entry["repositories"]
    return repositories
