"""What has to agree between the fields of a platform file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from ai_on_eks.descriptors.gateway_checks import check_gateway
from ai_on_eks.descriptors.monitoring_checks import check_monitoring
from ai_on_eks.descriptors.network_checks import check_network, check_range
from ai_on_eks.descriptors.platform import (
    Capacity,
    CapacityStrategy,
    DeliveryMode,
    GpuSoftware,
    Platform,
    Reservation,
    ReservedCapacity,
)
from ai_on_eks.descriptors.platform_gitops import check_gitops
from ai_on_eks.descriptors.platform_images import check_image_cache
from ai_on_eks.descriptors.storage_checks import check_storage
from ai_on_eks.descriptors.sync_checks import check_sync
from ai_on_eks.descriptors.vector_checks import check_vectors
from ai_on_eks.errors import Problem

MAX_TAGS = 40
"""AWS allows 50 on a resource; CDK, EKS and this library add their own."""

_TAG = re.compile(r"[\w .:/=+@-]*")


def check_platform(platform: Platform) -> list[Problem]:
    """Contradictions that the platform file alone shows."""
    return [
        *check_network(platform.region, platform.network),
        *_isolation(platform),
        *_gpu_software(platform.capacity),
        *_reservations(platform.capacity.reservations, platform.network.availability_zones),
        *check_monitoring(platform),
        *check_gateway(platform),
        *_strategies(platform.capacity),
        *_public_access(platform.cluster.public_access_cidrs),
        *check_storage(platform.storage, platform.network.availability_zones, platform.capacity),
        *check_sync(platform),
        *check_gitops(platform),
        *check_image_cache(platform),
        *check_vectors(platform),
        *_tags(platform.tags),
    ]


def _isolation(platform: Platform) -> list[Problem]:
    """What cannot be done from a network that reaches nothing."""
    if not platform.network.is_isolated:
        return []
    problems: list[Problem] = []
    mode = platform.delivery.mode
    if mode is DeliveryMode.APPLY:
        message = "the function that applies objects fetches charts and answers CloudFormation over the internet"
        fix = "set delivery.mode: render, or network.nat_gateways: one"
        problems.append(Problem("needs-internet", message, path="delivery.mode", value=mode.value, fix=fix))
    if platform.image_mirror is None:
        message = "engines and operators are pulled from public registries, which no node reaches"
        fix = "set image_mirror to a registry of yours that holds them"
        problems.append(Problem("needs-internet", message, path="image_mirror", fix=fix))
    return problems


def _gpu_software(capacity: Capacity) -> list[Problem]:
    """Which way of getting nodes understands claims of devices."""
    groups = CapacityStrategy.MANAGED_NODE_GROUPS
    if capacity.gpu_software is not GpuSoftware.DRA_DRIVER or capacity.strategies == (groups,):
        return []
    other = next(one for one in capacity.strategies if one is not groups)
    message = f"{other.value} starts no node for a pod that claims its GPUs"
    path, value = "capacity.gpu_software", capacity.gpu_software.value
    fix = f"set capacity.strategy: {groups.value}, or another gpu_software"
    return [Problem("claims-not-served", message, path=path, value=value, fix=fix)]


def _strategies(capacity: Capacity) -> list[Problem]:
    """Nodes of Auto Mode bring what add-ons and charts bring to others, and one cluster has either."""
    if len(capacity.strategies) == 1 or CapacityStrategy.AUTO_MODE not in capacity.strategies:
        return []
    message = "nodes of EKS Auto Mode bring their own add-ons and device plugins, which the others would have twice"
    path, value = "capacity.pool_strategies", [one.value for one in capacity.strategies]
    fix = "use auto-mode for every pool or for none"
    return [Problem("strategies-do-not-mix", message, path=path, value=value, fix=fix)]


def _reservations(reservations: Sequence[Reservation], zones: Sequence[str]) -> list[Problem]:
    problems: list[Problem] = []
    ids = [reservation.id for reservation in reservations]
    for index, reservation in enumerate(reservations):
        path = f"capacity.reservations[{index}]"
        if reservation.zone not in zones:
            message = "the platform has no subnet in the reservation's zone"
            fix = "add the zone to network.availability_zones, or remove the reservation"
            value, allowed = reservation.zone, tuple(zones)
            problems.append(
                Problem("reservation-zone", message, path=f"{path}.zone", value=value, allowed=allowed, fix=fix)
            )
        if reservation.id in ids[:index]:
            message, fix = f"'{reservation.id}' is named twice", "name each reservation once"
            problems.append(Problem("duplicate-value", message, path=f"{path}.id", value=reservation.id, fix=fix))
        problems += _reservation_times(reservation, path)
        if reservation.placement_group is not None and reservation.capacity_type is ReservedCapacity.CAPACITY_BLOCK:
            message = "a capacity block lies in no placement group: its instances stand close together already"
            value, fix = reservation.placement_group, "remove the key"
            problems.append(
                Problem("reservation-placement", message, path=f"{path}.placement_group", value=value, fix=fix)
            )
    return problems


def _reservation_times(reservation: Reservation, path: str) -> list[Problem]:
    problems: list[Problem] = []
    moments: list[datetime] = []
    for key, text in (("starts", reservation.starts), ("ends", reservation.ends)):
        try:
            moments += [] if text is None else [datetime.fromisoformat(text)]
        except ValueError:
            message, fix = f"'{text}' is no day of the calendar", "write a date such as 2026-12-08T11:30:00Z"
            problems.append(Problem("reservation-times", message, path=f"{path}.{key}", value=text, fix=fix))
    if len(moments) == 2 and moments[0] >= moments[1]:
        message, fix = "the reservation ends before it starts", "write the times that EC2 shows"
        problems.append(Problem("reservation-times", message, path=f"{path}.ends", value=reservation.ends, fix=fix))
    return problems


def _public_access(ranges: Sequence[str]) -> list[Problem]:
    problems: list[Problem] = []
    for index, value in enumerate(ranges):
        path = f"cluster.public_access_cidrs[{index}]"
        problem = check_range(path, value)
        if problem is not None:
            problems.append(problem)
        elif value.endswith("/0"):
            message = "opens the cluster's endpoint to the whole internet"
            fix = "write the ranges of your own network, or remove the key for a private endpoint"
            problems.append(Problem("open-to-the-internet", message, path=path, value=value, fix=fix))
    return problems


def _tags(tags: dict[str, str]) -> list[Problem]:
    problems: list[Problem] = []
    if len(tags) > MAX_TAGS:
        message, fix = f"has {len(tags)} tags", f"keep at most {MAX_TAGS}"
        problems.append(Problem("out-of-range", message, path="tags", allowed=(f"at most {MAX_TAGS}",), fix=fix))
    for key, value in tags.items():
        path = f"tags.{key}"
        if key.lower().startswith("aws:"):
            message = "tags that start with 'aws:' are reserved"
            problems.append(Problem("bad-tag", message, path=path, value=key, fix="choose another prefix"))
        elif not 1 <= len(key) <= 128 or len(value) > 256:
            message = "a tag's key has 1 to 128 characters, its value at most 256"
            problems.append(Problem("bad-tag", message, path=path, value=value, fix="shorten it"))
        elif _TAG.fullmatch(key) is None or _TAG.fullmatch(value) is None:
            message = "has characters that tags do not allow"
            fix = "use letters, digits, blanks and . : / = + @ - _"
            problems.append(Problem("bad-tag", message, path=path, value=value, fix=fix))
    return problems
