"""Metadata of a model's pods, whatever object makes them."""

from __future__ import annotations

import hashlib
import json

from ai_on_eks.kube.objects.labels import CONFIG_HASH_ANNOTATION, PART_LABEL, WORKER, pod_labels
from ai_on_eks.serving.types import Json, Workload


def pod_metadata(workload: Workload, part: str | None = None) -> Json:
    """The prometheus.io annotations are what collectors without custom resources discover pods by.

    part  of a replica that spans nodes; its workers have no metrics of their own
    """
    annotations: dict[str, str] = {}
    if part != WORKER:
        annotations = {
            "prometheus.io/path": workload.metrics_path,
            "prometheus.io/port": str(workload.metrics_port),
            "prometheus.io/scrape": "true",
        }
    if workload.config_maps:
        annotations[CONFIG_HASH_ANNOTATION] = config_hash(workload)
    labels = pod_labels(workload) | ({} if part is None else {PART_LABEL: part})
    described = {"annotations": dict(sorted(annotations.items()))} if annotations else {}
    return {"labels": dict(sorted(labels.items())), **described}


def config_hash(workload: Workload) -> str:
    """SHA-256 over the data of the model's ConfigMaps, independent of the order they were written in."""
    data = {name: dict(values) for name, values in workload.config_maps.items()}
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
