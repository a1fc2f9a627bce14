"""Tags of instances, volumes and interfaces that a controller inside the cluster starts."""

from __future__ import annotations

from ai_on_eks.aws.platform_tags import platform_tags
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import InputError, Problem

RESERVED_TAGS = ("eks:", "karpenter.k8s.aws/", "karpenter.sh/", "kubernetes.io/cluster")
"""Beginnings of tag keys by which a controller knows its own nodes; it rejects a class that sets one (Karpenter 1.15,
EC2NodeClass schema; EKS user guide, create-node-class, 2026-11)."""


def node_tags(platform: Platform) -> dict[str, str]:
    """The platform's tags by key, or InputError for keys that no node class may set."""
    problems = [
        Problem(
            code="bad-tag",
            message="nodes that a controller starts are known to it by tags that begin so",
            path=f"tags.{key}",
            value=key,
            fix="choose another key, or use managed node groups",
        )
        for key in sorted(platform.tags)
        if key.startswith(RESERVED_TAGS)
    ]
    if problems:
        raise InputError(problems)
    return dict(sorted(platform_tags(platform).items()))
