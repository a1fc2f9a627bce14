"""What is well-formed and still worth mending before it is deployed: mutable pins, zones, models without a place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ai_on_eks.cli.loading import LoadedModel, LoadedPlatform, zones_of
from ai_on_eks.cli.reasons import nothing_fits
from ai_on_eks.cli.reservations import reservation_warnings
from ai_on_eks.errors import Problem
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import ImageReference, Json, Workload

_COMMIT = re.compile(r"[0-9a-f]{40}")


def used_images(
    images: Mapping[str, ImageReference], workloads: Iterable[Workload], pod_specs: Iterable[Json] = ()
) -> list[ImageReference]:
    """The images that models' pods run, and others; what no pod runs need not be pinned."""
    running = {reference for workload in workloads for reference in _running(workload)}
    running |= {reference for spec in pod_specs for reference in _images(spec)}
    return [image for image in images.values() if image.reference in running]


def _running(workload: Workload) -> Iterator[str]:
    """Of its replicas, of the jobs that are done for it, and of its router."""
    for spec in (workload.pod_spec, *(job.pod_spec for job in workload.jobs)):
        yield from _images(spec)
    if workload.traffic is not None and workload.traffic.router is not None:
        router = workload.traffic.router
        yield from (one for one in (router.image, router.proxy_image) if one is not None)


def _images(spec: Json) -> Iterator[str]:
    for container in (*spec.get("initContainers", ()), *spec.get("containers", ())):
        yield container["image"]


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


def platform_warnings(target: LoadedPlatform, at: datetime) -> tuple[str, ...]:
    """What commands that go on all the same tell of the platform file."""
    return (*zone_warnings(target), *reservation_warnings(target, at), *gateway_warnings(target))


def gateway_warnings(target: LoadedPlatform) -> tuple[str, ...]:
    """A load balancer among the pods is known by nothing but an address of theirs."""
    gateway = target.platform.gateway
    if not gateway.has_load_balancer or gateway.subnets:
        return ()
    message = "the load balancer has no subnets of its own, so network policies let in whatever lies in its subnets"
    return (f"{target.file}: gateway.subnets: {message}",)


def without_placement(models: Sequence[LoadedModel], plans: Sequence[Plan]) -> list[Problem]:
    """Models that fit nowhere on the platform."""
    return [nothing_fits(plan, model.file) for model, plan in zip(models, plans, strict=True) if plan.chosen is None]
