"""keda.sh/v1alpha1 ScaledObject: replicas of a model by what its engine tells of the load.

Where the metrics are gone, nothing is known: the number stays as it is, and once that has lasted longer than a start
explains, at least the planned replicas run.

A model that may sleep goes to sleep once nobody has asked for twice the time that it takes to wake, at least five
minutes: waking costs a node, an image and the weights each time.
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.kube.objects.labels import metadata
from ai_on_eks.kube.objects.scaling import behavior, calm_seconds, scale_target
from ai_on_eks.serving.types import Autoscaling, Json, LoadSignal, Workload

POLLING_SECONDS = 30
"""As often as metrics are collected."""

WAKING_SECONDS = 10
"""Somebody waits for a model that sleeps."""

LEAST_FAILURES = 10


def scaled_object(workload: Workload, autoscaling: Autoscaling, address: str) -> Json:
    """KEDA makes a HorizontalPodAutoscaler of it, with the model's name. `address` may be a token of CDK."""
    authentication = {} if autoscaling.region is None else {"authenticationRef": {"name": workload.name}}
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": metadata(workload),
        "spec": {
            "scaleTargetRef": scale_target(workload),
            "pollingInterval": POLLING_SECONDS if autoscaling.least else WAKING_SECONDS,
            "minReplicaCount": autoscaling.least,
            "maxReplicaCount": autoscaling.most,
            **_without_metrics(autoscaling),
            "advanced": {
                "horizontalPodAutoscalerConfig": {"name": workload.name, "behavior": behavior(autoscaling)},
            },
            "triggers": [
                {**_trigger(signal, address, autoscaling), **authentication} for signal in autoscaling.signals
            ],
        },
    }


def trigger_authentication(workload: Workload) -> Json:
    """Queries are signed with the role of KEDA's own operator, by EKS Pod Identity."""
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": metadata(workload),
        "spec": {"podIdentity": {"provider": "aws", "identityOwner": "keda"}},
    }


def _without_metrics(autoscaling: Autoscaling) -> Json:
    """A model that sleeps has none, and that is no failure."""
    if not autoscaling.least:
        return {"cooldownPeriod": calm_seconds(autoscaling)}
    return {
        "fallback": {
            "failureThreshold": max(LEAST_FAILURES, ceil(2 * autoscaling.ready_seconds / POLLING_SECONDS)),
            "replicas": autoscaling.planned,
            "behavior": "currentReplicasIfHigher",
        }
    }


def _trigger(signal: LoadSignal, address: str, autoscaling: Autoscaling) -> Json:
    """Numbers are text: KEDA takes no others here."""
    region = autoscaling.region
    return {
        "type": "prometheus",
        "name": signal.name,
        "metricType": "AverageValue" if signal.is_divided else "Value",
        "metadata": {
            "serverAddress": address,
            "query": signal.query,
            "threshold": f"{signal.target:g}",
            # No value is not the value 0: a model whose metrics are lost would be scaled down under its load.
            "ignoreNullValues": "false" if autoscaling.least else "true",
            **({} if region is None else {"awsRegion": region}),
        },
    }
