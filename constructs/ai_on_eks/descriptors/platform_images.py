"""`image_cache` of the platform file: ECR fetches what the mirror lacks. Defaults stand here and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from ai_on_eks.descriptors import patterns
from ai_on_eks.descriptors.schema import Strict
from ai_on_eks.errors import Problem

if TYPE_CHECKING:
    from ai_on_eks.descriptors.platform import Platform

CacheSecret = Annotated[str, StringConstraints(pattern=patterns.CACHE_SECRET_ARN.expression)]

ASKING = ("docker.io", "ghcr.io")
"""Registries that ask for credentials (catalog/data/pull_through.json, which descriptors cannot read; a test compares
the two)."""

LONGEST_PREFIX = 30
"""Of a rule (AWS::ECR::PullThroughCacheRule); the longest name of a registry, registry.k8s.io, has 15 and a slash."""

_OWN = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/(.+)")


class ImageCache(Strict):
    """Rules by which ECR fetches images that are asked of `image_mirror` and not there yet."""

    credentials: dict[str, CacheSecret] = Field(
        default_factory=dict,
        description="by registry, docker.io or ghcr.io, the ARN of a secret with `username` and `accessToken`, whose "
        "name begins with ecr-pullthroughcache/; without one nothing is fetched from there",
    )


def mirror_path(mirror: str) -> str | None:
    """The path of a mirror in ECR; None where it is none, or is a whole registry."""
    found = _OWN.fullmatch(mirror)
    return None if found is None else found[3]


def check_image_cache(platform: Platform) -> Iterator[Problem]:
    """The mirror is a path in the ECR of the platform's own account and region, and credentials are of use."""
    cache, mirror = platform.image_cache, platform.image_mirror
    if cache is None:
        return
    if mirror is None:
        message = "nothing is read from a mirror"
        yield Problem("setting-without-effect", message, path="image_cache", fix="set image_mirror, or remove it")
        return
    found = _OWN.fullmatch(mirror)
    if found is None or found[2] != platform.region or platform.account not in {None, found[1]}:
        yield Problem(
            "image-cache-elsewhere",
            "rules are made in the ECR of the platform's own account and region, below a path",
            path="image_mirror",
            value=mirror,
            fix=f"write it as {platform.account or '111122223333'}.dkr.ecr.{platform.region}.amazonaws.com/mirror",
        )
    elif len(found[3]) > LONGEST_PREFIX - 16:
        message = f"the path may have {LONGEST_PREFIX - 16} characters: ECR takes {LONGEST_PREFIX} with the registry"
        yield Problem("image-cache-elsewhere", message, path="image_mirror", value=mirror, fix="shorten the path")
    for name in sorted(cache.credentials.keys() - set(ASKING)):
        yield Problem(
            "setting-without-effect",
            f"{name} asks for no credentials, or is not cached",
            path=f"image_cache.credentials.{name}",
            value=name,
            allowed=ASKING,
            fix="remove it",
        )
