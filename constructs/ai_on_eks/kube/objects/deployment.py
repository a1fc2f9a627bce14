"""apps/v1 Deployment: the pods of one model."""

from __future__ import annotations

from ai_on_eks.kube.objects.labels import metadata, selector
from ai_on_eks.kube.objects.pod_template import pod_metadata
from ai_on_eks.kube.objects.replicas import fixed_replicas
from ai_on_eks.kube.objects.startup import progress_deadline_seconds
from ai_on_eks.serving.types import Json, Workload

REVISION_HISTORY_LIMIT = 3
"""Old ReplicaSets kept for `kubectl rollout undo`; Kubernetes' default is 10, and nobody goes back ten models."""


def deployment(workload: Workload) -> Json:
    """The Deployment of one model; its pod template is `workload.pod_spec`, unchanged."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(workload),
        "spec": {
            **fixed_replicas(workload),
            "revisionHistoryLimit": REVISION_HISTORY_LIMIT,
            "progressDeadlineSeconds": progress_deadline_seconds(workload.pod_spec),
            "selector": {"matchLabels": selector(workload)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": dict(workload.rollout)},
            "template": {"metadata": pod_metadata(workload), "spec": workload.pod_spec},
        },
    }
