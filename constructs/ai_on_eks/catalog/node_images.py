"""Which version of the machine image a node starts from where EKS does not choose it, and what is in that version."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.types import Vendor


def image_alias(operating_system: str) -> str:
    """Family and version as Karpenter takes them, `al2023@v20260714`; it finds the accelerator's variant itself."""
    aliases: dict[str, str] = read("node_images.json")["aliases"]
    return aliases[operating_system]


def image_released(operating_system: str) -> date:
    """The day that this version was published."""
    released: dict[str, str] = read("node_images.json")["released"]
    return date.fromisoformat(released[operating_system])


def image_kubernetes(operating_system: str) -> tuple[str, str]:
    """The oldest and the newest Kubernetes minor version that this version was published for."""
    versions: dict[str, str] = read("node_images.json")["kubernetes"][operating_system]
    return versions["oldest"], versions["newest"]


def image_driver(operating_system: str, vendor: Vendor) -> str | None:
    """The driver of the accelerators in this version; None where that is not known, or the vendor has none."""
    drivers: dict[str, str | None] = read("node_images.json")["drivers"][operating_system]
    return drivers.get(vendor.value)


def image_parts(operating_system: str) -> Mapping[str, str | None]:
    """Versions of what starts containers in this version, by part; None = not known."""
    parts: dict[str, str | None] = read("node_images.json")["parts"][operating_system]
    return parts
