"""Drivers and container runtime of the machine image that this package chooses, against known vulnerabilities.

Where EKS chooses the image it takes the newest when it makes a node group, and which that is, is not known here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ai_on_eks.catalog.node_images import image_alias, image_driver, image_parts
from ai_on_eks.catalog.types import InstanceType, Vendor
from ai_on_eks.catalog.vulnerabilities import CONTAINER_TOOLKIT, NVIDIA_DRIVER, Vulnerability, known_in
from ai_on_eks.cli.checked import Checked
from ai_on_eks.cli.doctor.checks import Check, skipped
from ai_on_eks.descriptors.platform import CapacityStrategy, OperatingSystem
from ai_on_eks.errors import Problem

CHECK = "node software"


def check_node_software(checked: Checked) -> Check:
    """Of the nodes that Karpenter starts for the plan."""
    capacity = checked.target.platform.capacity
    if CapacityStrategy.KARPENTER not in capacity.strategies:
        return skipped(CHECK, "EKS chooses the image; update each node group for its newest")
    types = [
        pool.instance_type
        for pool in checked.fleet.pools
        if capacity.strategy_of(pool.name) is CapacityStrategy.KARPENTER
    ]
    return check_image_software(capacity.operating_system, types, checked.target.file)


def check_image_software(system: OperatingSystem, types: Sequence[InstanceType], file: str | None = None) -> Check:
    """High and critical ones are findings; lesser ones, and parts whose version nobody knows, are told."""
    nvidia = any(one.accelerator is not None and one.accelerator.vendor is Vendor.NVIDIA for one in types)
    parts = image_software(system, nvidia=nvidia)
    known = known_in(parts)
    serious = [one for one in known if one.is_serious]
    found = [", ".join(f"{part} {version or 'unknown'}" for part, version in parts.items())]
    if len(known) > len(serious):
        found.append(f"lesser: {', '.join(name for one in known if not one.is_serious for name in one.ids)}")
    return Check(CHECK, "; ".join(found), tuple(_problem(one, parts[one.part], system, file) for one in serious))


def image_software(system: OperatingSystem, *, nvidia: bool) -> Mapping[str, str | None]:
    """Versions by part; only nodes with NVIDIA GPUs start the variant with its driver and its container toolkit."""
    if nvidia:
        return {NVIDIA_DRIVER: image_driver(system, Vendor.NVIDIA), **image_parts(system)}
    return {part: version for part, version in image_parts(system).items() if part != CONTAINER_TOOLKIT}


def _problem(vulnerability: Vulnerability, version: str | None, system: OperatingSystem, file: str | None) -> Problem:
    score = "no score known" if vulnerability.score is None else f"CVSS {vulnerability.score}"
    return Problem(
        "vulnerable-node-image",
        f"{vulnerability.part} {version} of {image_alias(system)} has {', '.join(vulnerability.ids)} ({score}): "
        f"{vulnerability.what}",
        file=file,
        path="capacity.operating_system",
        value=system.value,
        fix=_fix(vulnerability, system),
    )


def _fix(vulnerability: Vulnerability, system: OperatingSystem) -> str:
    """Another image that is known not to have it, else a later pin."""
    for other in OperatingSystem:
        version = image_software(other, nvidia=True)[vulnerability.part]
        if other is not system and version is not None and not vulnerability.has(version):
            return f"set capacity.operating_system to {other.value}, whose image has {vulnerability.part} {version}"
    return "update ai-on-eks; managed-node-groups start from the newest image that EKS has"
