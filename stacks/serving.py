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

MAX_EVENT_BYTES = 1_000_000
"""What CloudFormation sends a function by an asynchronous invocation: at most 1 MB (AWS Lambda, API reference, Invoke,
read 2026-11-29; the service's own message says 1,048,576 bytes, the rest is for the event's other fields and for names
that are still tokens here). The framework's function hands it on synchronously, which takes 6 MB."""

MAX_ANNOTATIONS_BYTES = 262_144
"""Of one object, keys and values (kubernetes, apimachinery, api/validation, TotalAnnotationSizeLimitB). `kubectl apply`
writes the whole object into an annotation, so an object is bound by it too."""

MAX_TEMPLATE_BYTES = 1_000_000
"""Of one template in S3 (AWS CloudFormation user guide, quotas: 1 MB), of which all manifests are a part."""

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


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
        charts = [platform_chart, nodes_chart, monitoring_chart, queues_chart, *model_charts.values()]
        check_template([*charts, *(job_charts or {}).values()])
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
    """Raise InputError for a manifest that the kubectl provider could not be handed, or an object that `kubectl apply`
    could not write.

    event of an update = 2 × the manifest as quoted text: CloudFormation sends what is new beside what was
    """
    problems = [_too_large_object(name, item) for item in objects if annotations_bytes(item) > MAX_ANNOTATIONS_BYTES]
    size_bytes = 2 * _quoted_bytes(objects)
    if size_bytes > MAX_EVENT_BYTES:
        problems.append(
            _too_large(
                "manifest-too-large",
                f"the objects of {name} make an update of {size_bytes} bytes; the kubectl provider takes "
                f"{MAX_EVENT_BYTES}",
            )
        )
    if problems:
        raise InputError(problems)


def check_template(charts: Sequence[Objects]) -> None:
    """Raise InputError where the charts together are more than one template may hold."""
    size_bytes = sum(map(_quoted_bytes, charts))
    if size_bytes > MAX_TEMPLATE_BYTES:
        message = f"the objects of all charts are {size_bytes} bytes; a template takes {MAX_TEMPLATE_BYTES}"
        raise InputError(_too_large("template-too-large", message))


def annotations_bytes(item: Mapping[str, Any]) -> int:
    """Of an object once `kubectl apply` has written it: its own annotations, and itself as one more."""
    own = item.get("metadata", {}).get("annotations", {})
    written = len(_LAST_APPLIED) + len(_compact(item).encode()) + len("\n")
    return written + sum(len(f"{key}{value}".encode()) for key, value in own.items())


def _quoted_bytes(objects: Objects) -> int:
    """Of a manifest where it is a text inside JSON, as in a template and in an event."""
    return len(json.dumps(_compact(objects)).encode())


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _too_large_object(name: str, item: Mapping[str, Any]) -> Problem:
    what = f"{item['kind']} {item['metadata']['name']} of {name}"
    return _too_large(
        "manifest-too-large",
        f"{what} has {annotations_bytes(item)} bytes of annotations once `kubectl apply` has added the object itself; "
        f"Kubernetes takes {MAX_ANNOTATIONS_BYTES}",
    )


def _too_large(code: str, message: str) -> Problem:
    return Problem(
        code=code,
        message=message,
        path="delivery.mode",
        value="apply",
        fix="set delivery.mode to render and apply the files, or make the models' configuration smaller",
    )
