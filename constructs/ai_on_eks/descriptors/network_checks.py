"""What has to agree between the fields of `network`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from ai_on_eks.descriptors.patterns import REGION
from ai_on_eks.descriptors.platform_network import InterfaceEndpoints, Network
from ai_on_eks.errors import Problem

if TYPE_CHECKING:
    from ipaddress import IPv4Network

SHARED_RANGE = "100.64.0.0/10"
PRIVATE_RANGES = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")
"""A second range of a VPC lies in 100.64.0.0/10, or in the private range that the first one lies in (VPC user guide,
"IPv4 CIDR block association restrictions", 2026-11)."""


def check_network(region: str, network: Network) -> list[Problem]:
    """Contradictions that `network` alone shows."""
    return [
        *_zones(region, network.availability_zones),
        *_enough_zones(network),
        *_by_zone("network.zone_ids", network.zone_ids, network.availability_zones, every=False),
        *_range("network.cidr", network.cidr, shortest=16, longest=24, fix="write 10.0.0.0/16"),
        *_secondary(network),
        *_existing(network),
        *_isolated(network),
    ]


def check_range(path: str, value: str) -> Problem | None:
    """What is wrong with a text as an IPv4 range."""
    if _parsed(value) is not None:
        return None
    corrected = _parsed(value, strict=False)
    if corrected is None:
        message, fix = f"'{value}' is not an IPv4 range", "write an address and a prefix length, such as 203.0.113.0/24"
    else:
        message, fix = f"'{value}' has bits set behind its prefix", f"write {corrected}"
    return Problem("bad-range", message, path=path, value=value, fix=fix)


def _zones(region: str, zones: Sequence[str]) -> list[Problem]:
    problems: list[Problem] = []
    form = re.compile(re.escape(region) + r"[a-z]")
    for index, zone in enumerate(zones):
        path = f"network.availability_zones[{index}]"
        if form.fullmatch(zone) is None:
            message = f"'{zone[:40]}' is not an availability zone of {region}"
            fix = f"write a zone such as {region}a"
            if re.fullmatch(REGION.expression, zone[:-1]):
                fix += f", or region: {zone[:-1]}"
            problems.append(Problem("zone-not-in-region", message, path=path, value=zone, fix=fix))
        elif zone in zones[:index]:
            message = f"'{zone}' is named twice"
            problems.append(Problem("duplicate-value", message, path=path, value=zone, fix="name another zone"))
    return problems


def _enough_zones(network: Network) -> list[Problem]:
    count, least = len(network.availability_zones), network.minimum_zones
    if count >= least:
        return []
    message, fix = f"{count} zones where at least {least} are wanted", "add a zone, or lower network.minimum_zones"
    return [Problem("too-few-zones", message, path="network.availability_zones", value=count, fix=fix)]


def _by_zone(path: str, values: Mapping[str, str], zones: Sequence[str], *, every: bool) -> list[Problem]:
    """A mapping whose keys are the platform's zones and whose values are all different."""
    problems: list[Problem] = []
    allowed = tuple(zones)
    for zone in values:
        if zone not in zones:
            message, fix = f"'{zone[:40]}' is none of the platform's zones", "name a zone of network.availability_zones"
            problems.append(Problem("zone-not-used", message, path=f"{path}.{zone}", allowed=allowed, fix=fix))
    for zone in zones if every else ():
        if zone not in values:
            message, fix = f"names nothing for {zone}", f"add '{zone}: …', or remove the zone"
            problems.append(Problem("zone-left-out", message, path=path, value=zone, fix=fix))
    given = list(values.values())
    for index, (zone, value) in enumerate(values.items()):
        if value in given[:index]:
            message, fix = f"'{value}' is named twice", "each zone has one of its own"
            problems.append(Problem("duplicate-value", message, path=f"{path}.{zone}", value=value, fix=fix))
    return problems


def _range(path: str, value: str, *, shortest: int, longest: int, fix: str) -> list[Problem]:
    problem = check_range(path, value)
    if problem is not None:
        return [problem]
    prefix = int(value.rpartition("/")[2])
    if shortest <= prefix <= longest:
        return []
    message, allowed = f"/{prefix} is out of range", (f"/{shortest} to /{longest}",)
    return [Problem("out-of-range", message, path=path, value=value, allowed=allowed, fix=fix)]


def _secondary(network: Network) -> list[Problem]:
    path, value = "network.secondary_cidr", network.secondary_cidr
    if value is None:
        return []
    faults = _range(path, value, shortest=16, longest=17, fix="write 100.64.0.0/16")
    first, second = _parsed(network.cidr), _parsed(value)
    if faults or first is None or second is None:
        return faults
    home = next((name for name in PRIVATE_RANGES if first.subnet_of(_known(name))), None)
    allowed = (SHARED_RANGE, *([home] if home else []))
    if first.overlaps(second):
        message, fix = f"overlaps network.cidr, {network.cidr}", "write 100.64.0.0/16"
    elif not any(second.subnet_of(_known(name)) for name in allowed):
        message, fix = f"AWS adds no such range to a VPC of {network.cidr}", "write 100.64.0.0/16"
    else:
        return []
    return [Problem("secondary-range", message, path=path, value=value, allowed=allowed, fix=fix)]


def _existing(network: Network) -> list[Problem]:
    existing = network.existing_vpc
    if existing is None:
        return []
    here = "network.existing_vpc"
    problems = _by_zone(
        f"{here}.private_subnet_ids", existing.private_subnet_ids, network.availability_zones, every=True
    )
    wrong = check_range(f"{here}.cidr", existing.cidr)
    problems += [wrong] if wrong is not None else []
    if network.secondary_cidr is not None:
        message, fix = "a VPC that stands already gets no range from here", "remove one of the two"
        problems.append(Problem("existing-vpc-changed", message, path="network.secondary_cidr", fix=fix))
    return problems


def _isolated(network: Network) -> list[Problem]:
    if not network.is_isolated or network.existing_vpc is not None:
        return []
    if network.interface_endpoints is InterfaceEndpoints.REQUIRED:
        return []
    message = "nodes without NAT reach neither the control plane's services nor an image without interface endpoints"
    fix = "set interface_endpoints: required"
    return [Problem("isolated-without-endpoints", message, path="network.interface_endpoints", value="none", fix=fix)]


def _parsed(value: str, *, strict: bool = True) -> IPv4Network | None:
    import ipaddress  # noqa: PLC0415 - only platform files need it, and it costs 3 ms

    try:
        return ipaddress.IPv4Network(value, strict=strict)
    except ValueError:
        return None


@cache
def _known(value: str) -> IPv4Network:
    found = _parsed(value)
    if found is None:
        raise ValueError(f"'{value}' is no range")
    return found
