"""KubeRay: makes the pods of models that Ray Serve runs, and tells Serve what to run on them.

The chart brings the definitions of its objects; it has no webhook.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.aws.helm_release import HelmRelease, Json, pinned_release
from ai_on_eks.serving.ray_cluster import OPERATOR_NAMESPACE
from ai_on_eks.serving.types import Workload

CHART = "kuberay-operator"

NAMESPACE_LABELS = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("audit", "enforce", "warn")}

SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def is_required(workloads: Iterable[Workload]) -> bool:
    """Whether any model's pods are a cluster of Ray."""
    return any(workload.ray is not None for workload in workloads)


def release() -> HelmRelease:
    """The chart at the version whose keys `values` uses."""
    return pinned_release(
        CHART,
        namespace=OPERATOR_NAMESPACE,
        namespace_labels=NAMESPACE_LABELS,
        values=values(),
    )


def values() -> Json:
    """One operator: while its node is replaced, models go on serving and none is changed. Its memory is the chart's
    own, 512 MiB, which its values say holds about 150 pods of Ray."""
    return {
        "image": {"pullPolicy": "IfNotPresent"},
        "leaderElectionEnabled": True,
        "replicas": 1,
        "securityContext": SECURITY,
    }
