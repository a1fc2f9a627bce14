"""The serving stack: rendered charts, applied through the cluster."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aws_cdk import aws_eks_v2 as eks
from constructs import Construct

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.errors import InputError, Problem
from stacks.base import PlatformStack

Objects = Sequence[Mapping[str, Any]]

ClusterIn = Callable[[Construct], eks.ICluster]
"""The cluster as seen from a stack: the construct itself, or what stands for it where another stage has made it."""

NODES_ID = "NodePools"
QUEUES_ID = "Queues"
JOB_ID = "Job-"
"""No model has a name with capitals; nor has a job, whose objects may be named as a model is."""

MAX_MANIFEST_BYTES = 200_000
"""A custom resource's event reaches its Lambda only up to 262,144 bytes (aws-cdk #19165); the rest is for the event's
own fields, escaping, and names that are still tokens here."""


class ServingStack(PlatformStack):
    """One applied manifest per chart: what nodes are started from and the platform's own objects, then each model's.

    In a stack of its own, because `Cluster.add_cdk8s_chart` would put the objects into the cluster's stack and make
    that depend on everything a chart refers to. Removed in the reverse order: models, then their nodes while what
    started them still runs (it is in the add-ons stack), else the instances would stay.
    """

    def __init__(
        self,
        scope: Construct,
        *,
        platform: Platform,
        cluster_in: ClusterIn,
        nodes_chart: Objects,
        platform_chart: Objects,
        model_charts: Mapping[str, Objects],
        monitoring_chart: Objects = (),
        queues_chart: Objects = (),
        job_charts: Mapping[str, Objects] | None = None,
    ) -> None:
        super().__init__(scope, "serving", platform=platform, description="Models of the AI platform", keeps_data=False)
        cluster = cluster_in(self)
        first = [self._apply("platform", platform_chart, cluster)]
        if nodes_chart:
            first.append(self._apply(NODES_ID, nodes_chart, cluster))
        if monitoring_chart:
            self._apply("monitoring", monitoring_chart, cluster)
        for name, objects in sorted(model_charts.items()):
            self._apply(name, objects, cluster).node.add_dependency(*first)
        if queues_chart:
            first.append(self._apply(QUEUES_ID, queues_chart, cluster))
        for name, objects in sorted((job_charts or {}).items()):
            self._apply(f"{JOB_ID}{name}", objects, cluster).node.add_dependency(*first)

    def _apply(self, name: str, objects: Objects, cluster: eks.ICluster) -> eks.KubernetesManifest:
        check_size(name, objects)
        return eks.KubernetesManifest(
            self, name, cluster=cluster, manifest=[dict(item) for item in objects], overwrite=True
        )


def check_size(name: str, objects: Objects) -> None:
    """Raise InputError for a manifest that the kubectl provider could not be handed."""
    size_bytes = len(json.dumps(objects, separators=(",", ":")).encode())
    if size_bytes <= MAX_MANIFEST_BYTES:
        return
    raise InputError(
        Problem(
            code="manifest-too-large",
            message=f"the objects of {name} are {size_bytes} bytes; the kubectl provider takes {MAX_MANIFEST_BYTES}",
            path="delivery.mode",
            value="apply",
            fix="set delivery.mode to render and apply the files, or make the model's configuration smaller",
        )
    )
