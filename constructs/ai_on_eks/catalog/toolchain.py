"""What the programs beside this package have to be, read from `data/toolchain.json`."""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.catalog.reading import read


class Toolchain(Struct, frozen=True):
    """Requirements that no installer checks.

    node             supported major versions of Node.js, oldest first
    least_bootstrap  version of CDK's bootstrap stack
    cdk_assets       version of the program that a pipeline publishes assets with
    image_days       age from which a pinned machine image is worth replacing
    """

    node: tuple[int, ...]
    least_bootstrap: int
    cdk_assets: str
    image_days: int


def toolchain() -> Toolchain:
    """The file's content."""
    document = read("toolchain.json")
    return Toolchain(
        tuple(document["node"]), document["least_bootstrap"], document["cdk_assets"], document["image_days"]
    )
