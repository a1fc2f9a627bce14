"""The tags by which everything of a platform can be found and paid for."""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform

PLATFORM_TAG = "ai-on-eks/platform"
"""On all that a platform's stacks make, with the platform's name."""


def platform_tags(platform: Platform) -> dict[str, str]:
    """The user's tags and the platform's own."""
    return {PLATFORM_TAG: platform.name, **platform.tags}
