"""Which version of the machine image a node starts from, where this package and not EKS chooses it."""

from __future__ import annotations

from datetime import date

from ai_on_eks.catalog.reading import read


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
