"""apps/v1 Deployment: the pods of one model."""

from __future__ import annotations

import hashlib
import json

from ai_on_eks.kube.objects.labels import CONFIG_HASH_ANNOTATION, metadata, object_labels, selector
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
            "replicas": workload.replicas,
            "revisionHistoryLimit": REVISION_HISTORY_LIMIT,
            "progressDeadlineSeconds": progress_deadline_seconds(workload.pod_spec),
            "selector": {"matchLabels": selector(workload)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": dict(workload.rollout)},
            "template": {"metadata": _pod_metadata(workload), "spec": workload.pod_spec},
        },
    }


def _pod_metadata(workload: Workload) -> Json:
    """The prometheus.io annotations are what collectors without custom resources discover pods by."""
    annotations = {
        "prometheus.io/path": workload.metrics_path,
        "prometheus.io/port": str(workload.metrics_port),
        "prometheus.io/scrape": "true",
    }
    if workload.config_maps:
        annotations[CONFIG_HASH_ANNOTATION] = config_hash(workload)
    return {"labels": object_labels(workload), "annotations": dict(sorted(annotations.items()))}


def config_hash(workload: Workload) -> str:
    """SHA-256 over the data of the model's ConfigMaps, independent of the order they were written in."""
    data = {name: dict(values) for name, values in workload.config_maps.items()}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
