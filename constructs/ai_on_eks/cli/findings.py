"""What is well-formed and still worth mending before it is deployed: mutable pins, old prices, models without a place.

stale prices:  today − date of a chosen type's price > 180 days
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from ai_on_eks.cli.loading import LoadedModel, LoadedPlatform, zones_of
from ai_on_eks.cli.reasons import nothing_fits
from ai_on_eks.errors import Problem
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import ImageReference, Json

STALE_PRICE_DAYS = 180
"""Prices change without notice, and a choice between two types can hang on a tenth of a dollar: twice a year somebody
has to look. An age at which prices are wrong does not exist."""

_COMMIT = re.compile(r"[0-9a-f]{40}")


def used_images(images: Mapping[str, ImageReference], pod_specs: Iterable[Json]) -> list[ImageReference]:
    """The images that pods run; what no pod runs need not be pinned."""
    running = {
        container["image"]
        for spec in pod_specs
        for container in (*spec.get("initContainers", ()), *spec.get("containers", ()))
    }
    return [image for image in images.values() if image.reference in running]


def unpinned_images(images: Iterable[ImageReference], file: str) -> list[Problem]:
    """Images that only a tag names."""
    return [
        Problem(
            code="unpinned-image",
            message=f"{image.repository}:{image.tag} has no digest, so its registry decides what runs",
            file=file,
            path=f"images.{image.key}.digest",
            fix=f"ai-on-eks images lock --file {file}",
        )
        for image in images
        if image.digest is None
    ]


def unpinned_revisions(models: Iterable[LoadedModel]) -> list[Problem]:
    """Weights on a hub that no commit names: the branch can move between two pods of one model."""
    return [
        Problem(
            code="unpinned-revision",
            message="the weights are not pinned to a commit",
            file=model.file,
            path="source.revision",
            value=model.descriptor.source.revision,
            allowed=("40 hexadecimal digits",),
            fix="set source.revision to the commit hash that the hub shows",
        )
        for model in models
        if model.descriptor.source.uri.startswith("hf://")
        and not _COMMIT.fullmatch(model.descriptor.source.revision or "")
    ]


def stale_prices(plans: Sequence[Plan], today: date) -> list[Problem]:
    """Prices of chosen types that are too old to choose by. Each price has a date of its own."""
    by_date: dict[str, set[str]] = {}
    for plan in plans:
        if plan.chosen is not None and plan.chosen.price is not None:
            by_date.setdefault(plan.chosen.price.date, set()).add(plan.chosen.instance_type.name)
    return [
        Problem(
            code="stale-prices",
            message=f"the price of {', '.join(sorted(names))} is {_age_days(published, today)} days old, "
            f"more than {STALE_PRICE_DAYS}",
            value=published,
            fix="update ai-on-eks, or refresh the catalogue from your own account",
        )
        for published, names in sorted(by_date.items())
        if _age_days(published, today) > STALE_PRICE_DAYS
    ]


def _age_days(published: str, today: date) -> int:
    return (today - date.fromisoformat(published)).days


def unknown_zones(target: LoadedPlatform) -> list[Problem]:
    """Zones in which the region offers nothing of the catalogue, most often a slip of the pen."""
    region = target.platform.region
    known = zones_of(target.catalog, region)
    return [
        Problem(
            code="unknown-zone",
            message=f"{region} has no zone '{zone}' in the catalogue",
            file=target.file,
            path=f"network.availability_zones[{i}]",
            value=zone,
            allowed=known,
            fix=f"name zones of {region}",
        )
        for i, zone in enumerate(target.platform.network.availability_zones)
        if zone not in known
    ]


def zone_warnings(target: LoadedPlatform) -> tuple[str, ...]:
    """The same in a line each, for commands that go on all the same: nothing can be placed in such a zone."""
    return tuple(f"{problem.file}: {problem.path}: {problem.message}" for problem in unknown_zones(target))


def without_placement(models: Sequence[LoadedModel], plans: Sequence[Plan]) -> list[Problem]:
    """Models that fit nowhere on the platform."""
    return [nothing_fits(plan, model.file) for model, plan in zip(models, plans, strict=True) if plan.chosen is None]
