"""keda.sh/v1alpha1 ScaledObject: replicas of a model by what its engine tells of the load.

Where the metrics are gone, nothing is known: the number stays as it is, and once that has lasted longer than a start
explains, at least the planned replicas run.
"""

from __future__ import annotations

from math import ceil

from ai_on_eks.kube.objects.labels import metadata
from ai_on_eks.kube.objects.scaling import behavior, scale_target
from ai_on_eks.serving.types import Autoscaling, Json, LoadSignal, Workload

POLLING_SECONDS = 30
"""As often as metrics are collected."""

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
            "pollingInterval": POLLING_SECONDS,
            "minReplicaCount": autoscaling.least,
            "maxReplicaCount": autoscaling.most,
            "fallback": {
                "failureThreshold": max(LEAST_FAILURES, ceil(2 * autoscaling.ready_seconds / POLLING_SECONDS)),
                "replicas": autoscaling.planned,
                "behavior": "currentReplicasIfHigher",
            },
            "advanced": {
                "horizontalPodAutoscalerConfig": {"name": workload.name, "behavior": behavior(autoscaling)},
            },
            "triggers": [
                {**_trigger(signal, address, autoscaling.region), **authentication} for signal in autoscaling.signals
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


def _trigger(signal: LoadSignal, address: str, region: str | None) -> Json:
    """Numbers are text: KEDA takes no others here."""
    return {
        "type": "prometheus",
        "name": signal.name,
        "metricType": "AverageValue" if signal.is_divided else "Value",
        "metadata": {
            "serverAddress": address,
            "query": signal.query,
            "threshold": f"{signal.target:g}",
            # No value is not the value 0: a model whose metrics are lost would be scaled down under its load.
            "ignoreNullValues": "false",
            **({} if region is None else {"awsRegion": region}),
        },
    }
