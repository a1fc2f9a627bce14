"""How many replicas an object is written with."""

from __future__ import annotations

from ai_on_eks.serving.types import Json, Workload


def fixed_replicas(workload: Workload) -> Json:
    """`spec.replicas`, where nobody else sets it: an autoscaler's number would be put back at every apply.

    An object that is made without starts with one, and its autoscaler raises that to the least within seconds.
    """
    return {"replicas": workload.replicas} if workload.autoscaling is None else {}
