"""serving.kserve.io/v1beta1 InferenceService: the pods of one model, kept by KServe in its standard mode.

    predictor = the PodSpec beside KServe's own fields; its first container is called `kserve-container`
    makes       Deployment and Service `<model>-predictor`                       no Knative, no route of KServe's own

What KServe adds to pods it adds for a `storageUri`, a logger or a batcher, and none is asked for: weights come as in
every other shape. It gives a Deployment 600 s to progress and has no field for it, so a large model's rollout may be
reported as failed while it still loads; nothing is undone by that (reconcilers/deployment, v0.20).
"""

from __future__ import annotations

from typing import Any

from ai_on_eks.kube.objects.labels import metadata
from ai_on_eks.kube.objects.pod_template import pod_metadata
from ai_on_eks.serving.types import Json, Workload

CONTAINER = "kserve-container"
"""By this name KServe knows which container serves (pkg/constants, InferenceServiceContainerName, v0.20)."""

DEPLOYMENT_MODE = "serving.kserve.io/deploymentMode"
AUTOSCALER_CLASS = "serving.kserve.io/autoscalerClass"
VISIBILITY_LABEL = "networking.kserve.io/visibility"


def inference_service(workload: Workload) -> Json:
    """The object. KServe scales nothing by itself: replicas are as many as planned, or what our autoscaler says."""
    scaling = workload.autoscaling
    described: dict[str, Any] = metadata(workload)
    labels = {**described["labels"], VISIBILITY_LABEL: "cluster-local"}
    annotations = {AUTOSCALER_CLASS: "none" if scaling is None else "external", DEPLOYMENT_MODE: "Standard"}
    pods = pod_metadata(workload)
    first, *others = workload.pod_spec["containers"]
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {**described, "labels": dict(sorted(labels.items())), "annotations": annotations},
        "spec": {
            "predictor": {
                "minReplicas": workload.replicas if scaling is None else scaling.least,
                "maxReplicas": workload.most_replicas,
                "deploymentStrategy": {"type": "RollingUpdate", "rollingUpdate": dict(workload.rollout)},
                **pods,
                **workload.pod_spec,
                "containers": [{**first, "name": CONTAINER}, *others],
            }
        },
    }


def predictor_name(model: str) -> str:
    """Of the Deployment and of the Service that KServe makes."""
    return f"{model}-predictor"
