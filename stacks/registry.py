"""The registry stack."""

from __future__ import annotations

from constructs import Construct

from ai_on_eks.aws.pull_through_cache import PullThroughCache
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_images import ImageCache
from stacks.base import PlatformStack


class RegistryStack(PlatformStack):
    """What fills the mirror of the images."""

    def __init__(self, scope: Construct, *, platform: Platform, prefix: str, cache: ImageCache) -> None:
        super().__init__(
            scope, "registry", platform=platform, description="Image caches of the AI platform", keeps_data=False
        )
        PullThroughCache(self, "Cache", prefix=prefix, cache=cache)
