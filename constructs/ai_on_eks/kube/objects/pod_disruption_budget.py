"""policy/v1 PodDisruptionBudget: how many replicas a drain may take at once."""

from __future__ import annotations

from ai_on_eks.kube.objects.labels import metadata, selector
from ai_on_eks.serving.types import Json, Workload


def pod_disruption_budget(workload: Workload) -> Json | None:
    """At most one replica at a time, so that nodes can always be drained. None where there is never more than one, and
    a budget could only forbid every drain or promise nothing.

    A replica that is not ready may always be evicted; otherwise one that crashes while loading would block the drain of
    its node for ever.
    """
    if workload.most_replicas <= 1:
        return None
    # What may be missing is counted from a controller's replicas, and a RayCluster tells of none.
    allowed = {"maxUnavailable": 1} if workload.ray is None else {"minAvailable": workload.ray.pods - 1}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(workload),
        "spec": {
            **allowed,
            "selector": {"matchLabels": selector(workload)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }
