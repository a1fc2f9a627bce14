"""autoscaling/v2 HorizontalPodAutoscaler: replicas of a model on processors, by how much of them they use."""

from __future__ import annotations

from ai_on_eks.kube.objects.labels import metadata
from ai_on_eks.kube.objects.scaling import behavior, scale_target
from ai_on_eks.serving.types import Autoscaling, Json, Workload

PROCESSOR_PERCENT = 70
"""Assumption: of what the pod requested. A queue grows without bound as the share nears 100, and a new replica takes
its time."""


def horizontal_pod_autoscaler(workload: Workload, autoscaling: Autoscaling) -> Json:
    """Counts the pod's engine and its sidecars alike; it has none."""
    target = {"type": "Utilization", "averageUtilization": PROCESSOR_PERCENT}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(workload),
        "spec": {
            "scaleTargetRef": scale_target(workload),
            "minReplicas": autoscaling.least,
            "maxReplicas": autoscaling.most,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            "behavior": behavior(autoscaling),
        },
    }
