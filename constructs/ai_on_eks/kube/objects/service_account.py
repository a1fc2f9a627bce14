"""v1 ServiceAccount: the identity a model's pods run under, in Kubernetes and (by EKS Pod Identity) in AWS."""

from __future__ import annotations

from ai_on_eks.kube.objects.labels import metadata
from ai_on_eks.serving.types import Json, Workload


def service_account(workload: Workload) -> Json:
    """No API token is mounted: a model never talks to the API server. Pod Identity projects a token of its own and
    needs no annotation here."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(workload, workload.service_account),
        "automountServiceAccountToken": False,
    }
