"""v1 ConfigMap: files a model's pods mount, and where the models are stored."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.labels import metadata, platform_labels
from ai_on_eks.serving.types import Json, Workload
from ai_on_eks.serving.weights import MODEL_STORE_BUCKET_KEY, MODEL_STORE_CONFIG_MAP


def config_map(workload: Workload, name: str, data: Mapping[str, str]) -> Json:
    """One of the model's ConfigMaps."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(workload, name), "data": dict(data)}


def model_store(platform: Platform, bucket: str) -> Json:
    """How pods learn the bucket that holds the weights, whose name is known only once it has been created.

    `bucket` may be a token that CDK resolves.
    """
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": MODEL_STORE_CONFIG_MAP,
            "namespace": platform.namespace,
            "labels": platform_labels(platform),
        },
        "data": {MODEL_STORE_BUCKET_KEY: bucket, "region": platform.region},
    }
