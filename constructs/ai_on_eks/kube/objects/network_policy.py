"""networking.k8s.io/v1 NetworkPolicy: who may talk to whom.

The namespace denies everything; each model then allows what it needs. The kubelet's probes need no rule: traffic from
the node a pod runs on is always allowed (kubernetes.io/docs/concepts/services-networking/network-policies, 2026-11).
"""

from __future__ import annotations

from ai_on_eks.catalog.endpoint_picker import endpoint_picker
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.envoy import HEALTH_PORT, HTTP_PORT
from ai_on_eks.kube.objects.labels import (
    GATEWAY_LABEL,
    NAMESPACE_NAME_LABEL,
    metadata,
    platform_labels,
    selector,
    serving_selector,
)
from ai_on_eks.kube.objects.leader_worker_set import group_name
from ai_on_eks.kube.objects.ray_service import DASHBOARD_PORT
from ai_on_eks.kube.objects.router import router_name, router_selector
from ai_on_eks.serving.monitoring.names import NAMESPACE as MONITORING_NAMESPACE
from ai_on_eks.serving.ray_cluster import OPERATOR_NAMESPACE
from ai_on_eks.serving.types import Json, Router, Traffic, Workload

POD_IDENTITY_AGENT_CIDR = "169.254.170.23/32"
"""Link-local IPv4 address of the EKS Pod Identity Agent, which answers on port 80
(docs.aws.amazon.com/eks/latest/userguide/pod-id-how-it-works.html, 2026-11). Omits the IPv6 address: the platform's
clusters are IPv4."""

ANYWHERE_CIDR = "0.0.0.0/0"

GATEWAY_NAME_LABEL = "gateway.networking.k8s.io/gateway-name"
"""On what an implementation makes for a Gateway (Gateway API, GEP-1762, 1.6)."""

DEFAULT_DENY = "default-deny"


def default_deny(platform: Platform) -> Json:
    """Nothing in the namespace talks or is talked to until another policy allows it."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": DEFAULT_DENY, "namespace": platform.namespace, "labels": platform_labels(platform)},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def model_policy(workload: Workload) -> Json:
    """In: API from the gateway and the own namespace, metrics from monitoring. Out: DNS, AWS and the identity agent."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(workload),
        "spec": {
            "podSelector": {"matchLabels": serving_selector(workload)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [_from_callers(workload), _from_monitoring(workload)],
            "egress": [to_dns(), to_https(), to_pod_identity_agent()],
        },
    }


def group_policy(workload: Workload) -> Json:
    """Between the pods of replicas that span nodes: everything, since ranks choose their ports as they start and know
    no authentication. Workers also read weights and ask for names; nobody else may call them."""
    group = {"podSelector": {"matchLabels": selector(workload)}}
    others = [] if workload.ray is None else [_from_monitoring(workload), _from_operator(workload)]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(workload, group_name(workload.name)),
        "spec": {
            "podSelector": {"matchLabels": selector(workload)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [group]}, *others],
            "egress": [{"to": [group]}, to_dns(), to_https(), to_pod_identity_agent()],
        },
    }


def router_policy(workload: Workload, traffic: Traffic, router: Router) -> Json:
    """In: requests from the gateway, metrics to monitoring. Out: DNS, the API server, the model's replicas."""
    picker = endpoint_picker()
    ports = [picker.ext_proc_port] if router.proxy_image is None else [HTTP_PORT, HEALTH_PORT]
    replicas = {"to": [{"podSelector": {"matchLabels": serving_selector(workload)}}], "ports": [_tcp(workload.port)]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(workload, router_name(workload.name)),
        "spec": {
            "podSelector": {"matchLabels": router_selector(workload)},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {"from": _gateway(traffic), "ports": [_tcp(port) for port in ports]},
                {"from": [_monitoring()], "ports": [_tcp(picker.metrics_port)]},
            ],
            "egress": [to_dns(), to_https(), replicas],
        },
    }


def _from_callers(workload: Workload) -> Json:
    """Who is meant to call: where requests come through a gateway that knows its callers, nobody beside it."""
    callers: list[Json] = [{"namespaceSelector": {"matchLabels": {GATEWAY_LABEL: "true"}}}, {"podSelector": {}}]
    if workload.traffic is not None:
        callers = _through_gateway(workload, workload.traffic)
    return {"from": callers, "ports": [_tcp(workload.port)]}


def _through_gateway(workload: Workload, traffic: Traffic) -> list[Json]:
    """The router asks each replica how much it has to do; a proxy in it also sends the requests."""
    routers = [{"podSelector": {"matchLabels": router_selector(workload)}}]
    if traffic.router is None:
        return _gateway(traffic)
    return routers if traffic.router.proxy_image is not None else [*_gateway(traffic), *routers]


def _gateway(traffic: Traffic) -> list[Json]:
    """A load balancer is known by its addresses, pods of a gateway by the label that every implementation sets."""
    if traffic.has_load_balancer:
        return [{"ipBlock": {"cidr": cidr}} for cidr in traffic.source_ranges]
    namespace = {NAMESPACE_NAME_LABEL: traffic.gateway_namespace}
    pods = {GATEWAY_NAME_LABEL: traffic.gateway}
    return [{"namespaceSelector": {"matchLabels": namespace}, "podSelector": {"matchLabels": pods}}]


def _monitoring() -> Json:
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: MONITORING_NAMESPACE}}}


def _from_monitoring(workload: Workload) -> Json:
    """Where metrics share the API's port, monitoring reaches the API too: a policy cannot tell paths apart."""
    return {
        "from": [_monitoring()],
        "ports": [_tcp(workload.metrics_port)],
    }


def _from_operator(workload: Workload) -> Json:
    """KubeRay tells Serve what to run, and asks its proxy whether it answers."""
    return {
        "from": [{"namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: OPERATOR_NAMESPACE}}}],
        "ports": [_tcp(DASHBOARD_PORT), _tcp(workload.port)],
    }


def to_dns() -> Json:
    """The peer's labels are exactly CoreDNS' Service selector, or its cluster address would not be allowed."""
    return {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: "kube-system"}},
                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
            }
        ],
        "ports": [{"protocol": "UDP", "port": 53}, _tcp(53)],
    }


def to_https() -> Json:
    """Port 443 to every address, because S3 has no narrower one: a gateway endpoint routes S3's public address ranges,
    which AWS changes without notice and a NetworkPolicy cannot name. The pod's IAM role limits what may be read."""
    return {"to": [{"ipBlock": {"cidr": ANYWHERE_CIDR}}], "ports": [_tcp(443)]}


def to_pod_identity_agent() -> Json:
    """Where pods get their AWS credentials."""
    return {"to": [{"ipBlock": {"cidr": POD_IDENTITY_AGENT_CIDR}}], "ports": [_tcp(80)]}


def _tcp(port: int) -> Json:
    return {"protocol": "TCP", "port": port}
