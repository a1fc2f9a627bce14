"""What fine-tuning jobs need in the cluster: JobSet's controller makes their pods, Kueue lets them start in turn.

Both charts bring the definitions of their objects and make the certificates of their webhooks themselves.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.aws.helm_release import HelmRelease, Json, pinned_release
from ai_on_eks.serving.fine_tune import FineTuneWorkload

JOBSET, KUEUE = "jobset", "kueue"
NAMESPACES = {JOBSET: "jobset-system", KUEUE: "kueue-system"}
"""The names that the charts' documentation has (kubernetes-sigs/jobset and kubernetes-sigs/kueue, 2026-11)."""

NAMESPACE_LABELS = {f"pod-security.kubernetes.io/{mode}": "baseline" for mode in ("audit", "enforce", "warn")}
"""What the charts' pods are without a value of ours; whether they are all that `restricted` wants was not read."""

REPLICAS = 2
"""Their webhooks have to answer before a job is taken; one of two still does while a node is replaced."""

RESOURCES = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "512Mi"}}
"""Assumption: far below a hundred jobs. The charts' own requests of half a core fill a small system node."""


def is_required(jobs: Iterable[FineTuneWorkload]) -> bool:
    """Whether there is any job."""
    return any(True for _job in jobs)


def releases() -> tuple[HelmRelease, ...]:
    """JobSet first: Kueue looks for the kinds that it manages as it starts."""
    return (_release(JOBSET, jobset_values()), _release(KUEUE, kueue_values(), after=(JOBSET,)))


def _release(name: str, values: Json, after: tuple[str, ...] = ()) -> HelmRelease:
    return pinned_release(
        name,
        namespace=NAMESPACES[name],
        namespace_labels=NAMESPACE_LABELS,
        values=values,
        after=after,
    )


def jobset_values() -> Json:
    """What the chart leaves to chance or asks too much for."""
    return {"controller": {"replicas": REPLICAS, "resources": RESOURCES}, "image": {"pullPolicy": "IfNotPresent"}}


def kueue_values() -> Json:
    """The same; jobs without a queue's label stay as they are by the chart's own default."""
    return {
        "controllerManager": {
            "replicas": REPLICAS,
            "manager": {"resources": RESOURCES, "image": {"pullPolicy": "IfNotPresent"}},
            "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
        }
    }
