"""v1 ConfigMap: files a model's pods mount, and where the models are stored."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.labels import metadata, platform_labels
from ai_on_eks.serving.types import Json, Workload

MODEL_STORE = "model-store"
"""Name of the ConfigMap through which pods learn the bucket's name, which is known only once it has been created."""


def config_map(workload: Workload, name: str, data: Mapping[str, str]) -> Json:
    """One of the model's ConfigMaps."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(workload, name), "data": dict(data)}


def model_store(platform: Platform, bucket: str) -> Json:
    """`bucket` and `region` of the store that holds the weights. `bucket` may be a token that CDK resolves."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": MODEL_STORE, "namespace": platform.namespace, "labels": platform_labels(platform)},
        "data": {"bucket": bucket, "region": platform.region},
    }
