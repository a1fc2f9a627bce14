"""scheduling.k8s.io/v1 PriorityClass: replicas that need more of a node find room before those that need less.

A pool's nodes are counted so that replicas always fit when the large ones are placed first (`placement.fleet.shares`).
The scheduler takes pods as they come; with these classes it moves small replicas out of the way of a large one, and
they fit elsewhere.
"""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.labels import platform_labels
from ai_on_eks.serving.pod import priority_class_name
from ai_on_eks.serving.types import Json

VALUE_PER_SHARE = 100
"""Above the default of 0, far below the classes of the system (2,000,000,000)."""


def priority_class(platform: Platform, share: int) -> Json:
    """The class of all replicas that take `share` of a node, whatever the model."""
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": priority_class_name(share), "labels": platform_labels(platform)},
        "description": f"Replicas of models that take {share} shares of a node",
        "globalDefault": False,
        "preemptionPolicy": "PreemptLowerPriority",
        "value": VALUE_PER_SHARE * share,
    }
