"""Names that AWS and the cluster have to agree on before either is deployed, so they follow from the platform's."""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform

NAMESPACE = "karpenter"
SERVICE_ACCOUNT = "karpenter"


def instance_profile_name(platform: Platform) -> str:
    """By which an instance gets the nodes' IAM role. IAM's names are of the whole account, so the region is part of
    it; at most 128 characters."""
    return f"{platform.name}-{platform.region}-nodes"


def interruption_queue_name(platform: Platform) -> str:
    """The queue in which Karpenter hears that an instance will be taken away."""
    return f"{platform.name}-interruptions"
