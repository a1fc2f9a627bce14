"""Which registries ECR caches, read from `data/pull_through.json`."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from ai_on_eks.catalog.reading import read


class Upstream(Struct, frozen=True):
    """A registry that ECR caches. address: what a rule names · upstream: ECR's word · credentials: it asks for some"""

    address: str
    upstream: str
    credentials: bool


def upstreams() -> Mapping[str, Upstream]:
    """By the name that images have in them."""
    return {name: Upstream(**entry) for name, entry in sorted(read("pull_through.json")["registries"].items())}
