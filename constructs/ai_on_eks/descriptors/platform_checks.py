"""What has to agree between the fields of a platform file."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ai_on_eks.descriptors.platform import Network, Platform, Reservation
from ai_on_eks.errors import Problem

MAX_TAGS = 40
"""AWS allows 50 on a resource; CDK, EKS and this library add their own."""

_TAG = re.compile(r"[\w .:/=+@-]*")


def check_platform(platform: Platform) -> list[Problem]:
    """Contradictions that the platform file alone shows."""
    return [
        *_zones(platform.region, platform.network.availability_zones),
        *_vpc(platform.network),
        *_reservations(platform.capacity.reservations, platform.network.availability_zones),
        *_public_access(platform.cluster.public_access_cidrs),
        *_tags(platform.tags),
    ]


def _zones(region: str, zones: Sequence[str]) -> list[Problem]:
    problems: list[Problem] = []
    form = re.compile(re.escape(region) + r"[a-z]")
    for index, zone in enumerate(zones):
        path = f"network.availability_zones[{index}]"
        if form.fullmatch(zone) is None:
            message = f"'{zone[:40]}' is not an availability zone of {region}"
            fix = f"write a zone such as {region}a"
            problems.append(Problem("zone-not-in-region", message, path=path, value=zone, fix=fix))
        elif zone in zones[:index]:
            message = f"'{zone}' is named twice"
            problems.append(Problem("duplicate-value", message, path=path, value=zone, fix="name another zone"))
    return problems


def _vpc(network: Network) -> list[Problem]:
    path, value = "network.cidr", network.cidr
    problem = _cidr(path, value)
    if problem is not None:
        return [problem]
    prefix = int(value.rpartition("/")[2])
    if not 16 <= prefix <= 24:
        message = f"/{prefix} is out of range"
        wanted = ("/16 to /24",)  # EC2 takes /16 to /28; three zones of two subnets need room for pods
        return [Problem("out-of-range", message, path=path, value=value, allowed=wanted, fix="write 10.0.0.0/16")]
    return []


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
    return problems


def _public_access(ranges: Sequence[str]) -> list[Problem]:
    problems: list[Problem] = []
    for index, value in enumerate(ranges):
        path = f"cluster.public_access_cidrs[{index}]"
        problem = _cidr(path, value)
        if problem is not None:
            problems.append(problem)
        elif value.endswith("/0"):
            message = "opens the cluster's endpoint to the whole internet"
            fix = "write the ranges of your own network, or remove the key for a private endpoint"
            problems.append(Problem("open-to-the-internet", message, path=path, value=value, fix=fix))
    return problems


def _cidr(path: str, value: str) -> Problem | None:
    import ipaddress  # noqa: PLC0415 - only platform files need it, and it costs 3 ms

    try:
        ipaddress.IPv4Network(value)
    except ValueError:
        pass
    else:
        return None
    try:
        corrected = str(ipaddress.IPv4Network(value, strict=False))
    except ValueError:
        message, fix = f"'{value}' is not an IPv4 range", "write an address and a prefix length, such as 203.0.113.0/24"
    else:
        message, fix = f"'{value}' has bits set behind its prefix", f"write {corrected}"
    return Problem("bad-range", message, path=path, value=value, fix=fix)


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
