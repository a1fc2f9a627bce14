"""Helm releases out of a registry of the user's.

    docker.io/org/image         ->  <mirror>/docker.io/org/image
    https://charts.example/path ->  oci://<mirror>/charts.example/path

The name of the origin stays in the path, as a pull-through cache of ECR has it, so two registries cannot collide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from ai_on_eks.aws.helm_release import HelmRelease, Json
from ai_on_eks.catalog.chart_images import image_repositories
from ai_on_eks.catalog.versions import OCI_SCHEME
from ai_on_eks.errors import InputError, Problem


def mirrored(release: HelmRelease, mirror: str) -> HelmRelease:
    """The release with its chart and every image from the mirror.

    Raises InputError for a chart whose images are not known: some would be pulled from where they cannot be had.
    """
    images = image_repositories(release.chart)
    if images is None:
        raise InputError(
            Problem(
                code="chart-images-unknown",
                message=f"which images the chart {release.chart} pulls is not known, so a mirror cannot replace them",
                path="image_mirror",
                value=mirror,
                fix="remove image_mirror, or what needs the chart",
            )
        )
    values: Json = dict(release.values)
    for path, repository in images.items():
        values = _with(values, path.split("."), f"{mirror}/{repository}")
    _, _, place = release.repository.partition("://")
    return replace(release, repository=f"{OCI_SCHEME}{mirror}/{place}", values=values)


def _with(values: Mapping[str, Any], path: list[str], value: str) -> Json:
    """A copy with `value` at `path`; what is beside it stays."""
    key, *deeper = path
    return {**values, key: _with(values.get(key, {}), deeper, value) if deeper else value}
