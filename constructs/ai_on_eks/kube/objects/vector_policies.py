"""networking.k8s.io/v1 NetworkPolicy: who may talk to the vector database, which asks its callers for no key.

In: the models' namespace and gateways by HTTP and gRPC, monitoring by HTTP, its own pods. Out: names, and its own pods.
"""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.labels import GATEWAY_LABEL, NAMESPACE_NAME_LABEL, platform_labels
from ai_on_eks.kube.objects.network_policy import DEFAULT_DENY, to_dns
from ai_on_eks.serving.monitoring.names import NAMESPACE as MONITORING_NAMESPACE
from ai_on_eks.serving.types import Json
from ai_on_eks.serving.vectors import API_PORT, NAME, NAMESPACE, PEER_PORT, RPC_PORT

SELECTOR = {"matchLabels": {"app.kubernetes.io/name": NAME}}
"""Of the chart's pods (qdrant-helm, templates/_helpers.tpl)."""


def vector_deny(platform: Platform) -> Json:
    """Nothing else in the namespace talks or is talked to."""
    return _policy(platform, DEFAULT_DENY, {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]})


def vector_policy(platform: Platform) -> Json:
    """What the database needs."""
    peers = {"podSelector": SELECTOR}
    callers = [_namespace({NAMESPACE_NAME_LABEL: platform.namespace}), _namespace({GATEWAY_LABEL: "true"})]
    monitoring = [_namespace({NAMESPACE_NAME_LABEL: MONITORING_NAMESPACE})]
    return _policy(
        platform,
        NAME,
        {
            "podSelector": SELECTOR,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": callers, "ports": _ports(API_PORT, RPC_PORT)},
                {"from": monitoring, "ports": _ports(API_PORT)},
                {"from": [peers], "ports": _ports(API_PORT, RPC_PORT, PEER_PORT)},
            ],
            "egress": [to_dns(), {"to": [peers], "ports": _ports(API_PORT, RPC_PORT, PEER_PORT)}],
        },
    )


def _policy(platform: Platform, name: str, spec: Json) -> Json:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": platform_labels(platform)}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _namespace(labels: dict[str, str]) -> Json:
    return {"namespaceSelector": {"matchLabels": labels}}


def _ports(*numbers: int) -> list[Json]:
    return [{"protocol": "TCP", "port": number} for number in numbers]
