"""resource.k8s.io/v1 ResourceClaimTemplate: the devices of each replica, where pods claim them."""

from __future__ import annotations

from ai_on_eks.kube.objects.labels import metadata
from ai_on_eks.serving.types import Json, Workload


def resource_claim_template(workload: Workload) -> Json | None:
    """Every pod gets a claim of its own, which lives as long as it does. None where pods ask for devices by number."""
    if workload.device_claim is None:
        return None
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": metadata(workload),
        "spec": {"spec": workload.device_claim},
    }
