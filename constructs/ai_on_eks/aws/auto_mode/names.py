"""Names that AWS and the cluster have to agree on before either is deployed, so they follow from the platform's."""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform


def node_role_name(platform: Platform) -> str:
    """The IAM role of models' nodes, which their class names. IAM's names are of the whole account, so the region is
    part of it; at most 64 characters."""
    return f"{platform.name}-{platform.region}-nodes"
