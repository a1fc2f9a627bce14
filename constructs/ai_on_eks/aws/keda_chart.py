"""KEDA: changes the number of a model's replicas by what the collected metrics say of its load.

It may look at the models' namespace only, reads no Secret but its own, and scales no other kinds of objects than those
that models consist of.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.aws.helm_release import HelmRelease, Json, pinned_release
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.serving.types import Workload

CHART = "keda"
NAMESPACE = "keda"
SERVICE_ACCOUNT = "keda-operator"
"""Of the operator, which asks for the metrics; the name is set, because a role names it."""

NAMESPACE_LABELS = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("audit", "enforce", "warn")}

REPLICAS = 2
"""One of each part works, the other takes over while a node is replaced."""

RESOURCES = {
    part: {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "512Mi"}}
    for part in ("operator", "metricServer", "webhooks")
}
"""Requests as KEDA publishes them (keda.sh, operate, cluster, 2.21: 100m and 100Mi). An assumption: half of its limit
of 1000Mi is enough for a hundred models."""


def is_required(workloads: Iterable[Workload]) -> bool:
    """Whether any model is scaled by collected metrics."""
    return any(workload.autoscaling is not None and workload.autoscaling.by_metrics for workload in workloads)


def release(platform: Platform) -> HelmRelease:
    """The chart at the version whose keys `values` uses."""
    return pinned_release(
        CHART,
        namespace=NAMESPACE,
        namespace_labels=NAMESPACE_LABELS,
        values=values(platform),
    )


def values(platform: Platform) -> Json:
    """The chart's values; its pods are as `restricted` wants them by themselves."""
    return {
        "watchNamespace": platform.namespace,
        "operator": {"replicaCount": REPLICAS},
        "metricsServer": {"replicaCount": REPLICAS},
        "webhooks": {"replicaCount": REPLICAS},
        "resources": RESOURCES,
        "serviceAccount": {"operator": {"name": SERVICE_ACCOUNT}},
        "permissions": {
            "operator": {"restrict": {"secret": True}},
            "metricServer": {"restrict": {"secret": True}},
        },
        "rbac": {"scaledRefKinds": [{"apiGroup": "leaderworkerset.x-k8s.io", "kind": "leaderworkersets"}]},
    }
