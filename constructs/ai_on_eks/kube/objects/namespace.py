"""v1 Namespace: where every model runs, under Pod Security's strictest level."""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.gateway import READINESS_GATE_LABEL
from ai_on_eks.kube.objects.labels import platform_labels
from ai_on_eks.serving.types import Json

POD_SECURITY_LEVEL = "restricted"
_POD_SECURITY_MODES = ("enforce", "audit", "warn")


def namespace(platform: Platform) -> Json:
    """The models' namespace. The level is pinned to the cluster's version: a control plane upgrade never tightens what
    running models were admitted under."""
    version = f"v{platform.cluster.kubernetes_version}"
    security: dict[str, str] = {}
    for mode in _POD_SECURITY_MODES:
        security[f"pod-security.kubernetes.io/{mode}"] = POD_SECURITY_LEVEL
        security[f"pod-security.kubernetes.io/{mode}-version"] = version
    gates = {READINESS_GATE_LABEL: "enabled"} if platform.gateway.has_load_balancer else {}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": platform.namespace, "labels": platform_labels(platform) | security | gates},
    }
