"""How fast the number of a model's replicas may change, whoever changes it.

    up    at most doubled, or four more, while a replica starts: what was ordered last cannot have helped before
    down  to the most that was needed in twice the time a replica takes to start, 5 to 60 minutes; one a minute

A replica that is gone is dear to get back: a node, an image, the weights. Kubernetes allows the same steps up every
15 s (autoscaling/v2 API reference, 2026-11), which suits pods that start in seconds.
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.kube.objects.inference_service import predictor_name
from ai_on_eks.kube.objects.leader_worker_set import group_name
from ai_on_eks.kube.objects.llm_inference_service import kserve_group_name
from ai_on_eks.serving.types import Autoscaling, Json, Workload

CALM_SECONDS = 300
"""Kubernetes' default of scaleDown.stabilizationWindowSeconds (autoscaling/v2 API reference, 2026-11)."""

MOST_CALM_SECONDS = 3600
MOST_PERIOD_SECONDS = 1800
"""What the API server takes at most as stabilizationWindowSeconds and as periodSeconds (autoscaling/v2, 2026-11)."""

UP_CALM_SECONDS = 30
"""A peak has to last so long before it starts nodes (EKS user guide, ml-inference, autoscaling, 2026-11)."""


def behavior(autoscaling: Autoscaling) -> Json:
    """HorizontalPodAutoscalerBehavior (autoscaling/v2)."""
    period = min(MOST_PERIOD_SECONDS, max(60, ceil(autoscaling.ready_seconds)))
    return {
        "scaleUp": {
            "stabilizationWindowSeconds": UP_CALM_SECONDS,
            "selectPolicy": "Max",
            "policies": [
                {"type": "Percent", "value": 100, "periodSeconds": period},
                {"type": "Pods", "value": 4, "periodSeconds": period},
            ],
        },
        "scaleDown": {
            "stabilizationWindowSeconds": calm_seconds(autoscaling),
            "policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}],
        },
    }


def calm_seconds(autoscaling: Autoscaling) -> int:
    """Time that the load has to be low before replicas are taken away."""
    return min(MOST_CALM_SECONDS, max(CALM_SECONDS, ceil(2 * autoscaling.ready_seconds)))


def scale_target(workload: Workload) -> Json:
    """The object whose replicas are counted: both kinds have the `scale` subresource. KServe leaves their number alone
    where none is written."""
    if workload.shape is Shape.LLM_INFERENCE_SERVICE:
        return _group_target(kserve_group_name(workload.name))
    if workload.group is None:
        name = predictor_name(workload.name) if workload.shape is Shape.INFERENCE_SERVICE else workload.name
        return {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    return _group_target(group_name(workload.name))


def _group_target(name: str) -> Json:
    return {"apiVersion": "leaderworkerset.x-k8s.io/v1", "kind": "LeaderWorkerSet", "name": name}
