"""The LeaderWorkerSet controller: makes the pods of models whose replicas span nodes.

The chart brings the definition of its objects and makes the certificate of its webhook itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.aws.helm_release import HelmRelease, Json, pinned_release
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.serving.types import Workload

CHART = "lws"
NAMESPACE = "lws-system"
"""The name that the chart's documentation has (kubernetes-sigs/lws charts/lws/README.md, 0.11.0)."""

NAMESPACE_LABELS = {f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("audit", "enforce", "warn")}
"""The chart's pod is all that `restricted` wants but for the seccomp profile, which it has no value for."""

REPLICAS = 2
"""Its webhook has to answer before any pod of a group is made; one of two still does while a node is replaced."""

RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}}
"""Assumption: far below a hundred groups. The chart's own request of a whole core fills a small system node."""


def is_required(workloads: Iterable[Workload]) -> bool:
    """Whether any model's pods are groups: a replica is more than one pod and no cluster of Ray's, or KServe makes
    groups of them."""
    return any(_is_grouped(workload) for workload in workloads)


def _is_grouped(workload: Workload) -> bool:
    in_nodes = workload.group is not None and workload.ray is None
    return in_nodes or workload.shape is Shape.LLM_INFERENCE_SERVICE


def release() -> HelmRelease:
    """The chart at the version whose keys `values` uses."""
    return pinned_release(
        CHART,
        namespace=NAMESPACE,
        namespace_labels=NAMESPACE_LABELS,
        values=values(),
    )


def values() -> Json:
    """The chart's values: what it leaves to chance or asks too much for."""
    return {"replicaCount": REPLICAS, "resources": RESOURCES, "image": {"manager": {"pullPolicy": "IfNotPresent"}}}
