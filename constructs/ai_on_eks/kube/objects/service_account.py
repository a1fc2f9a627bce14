"""v1 ServiceAccount: the identity that pods run under, in Kubernetes and (by EKS Pod Identity) in AWS."""

from __future__ import annotations

from ai_on_eks.serving.types import Json


def service_account(metadata: Json) -> Json:
    """No API token is mounted: a pod that talks to the API server projects one of its own. Pod Identity does likewise
    and needs no annotation here."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }
