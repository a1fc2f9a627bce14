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
    certificate_days before its end, when a certificate that renews itself has been renewed
    """

    node: tuple[int, ...]
    least_bootstrap: int
    cdk_assets: str
    image_days: int
    certificate_days: int


def toolchain() -> Toolchain:
    """The file's content."""
    document = read("toolchain.json")
    return Toolchain(
        node=tuple(document["node"]),
        least_bootstrap=document["least_bootstrap"],
        cdk_assets=document["cdk_assets"],
        image_days=document["image_days"],
        certificate_days=document["certificate_days"],
    )
