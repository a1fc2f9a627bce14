"""gateway.networking.k8s.io/v1 Gateway before all models, and the load balancer that AWS' controller makes of it.

It has no public address and one listener, with TLS. The certificate stands in the load balancer's configuration: this
implementation takes none from a Secret (aws-load-balancer-controller 3.7, Gateway API, 2026-11).
"""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_gateway import Gateway
from ai_on_eks.kube.objects.labels import platform_labels
from ai_on_eks.serving.traffic import GATEWAY_NAME
from ai_on_eks.serving.types import Json

GATEWAY_CLASS = "ai-on-eks-alb"
CONTROLLER = "gateway.k8s.aws/alb"
"""Of Application Load Balancers (aws-load-balancer-controller 3.7)."""

LISTENER = "https"
PORT = 443

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"
"""TLS 1.3 and 1.2 with forward secrecy (Elastic Load Balancing user guide, security policies, 2026-11)."""

IDLE_SECONDS = 4000
"""The most that an application load balancer waits for a byte (Elastic Load Balancing user guide, load balancer
attributes, 2026-11). Its default of 60 s ends a request whose answer is not streamed, or that waits for a model."""

READINESS_GATE_LABEL = "elbv2.k8s.aws/pod-readiness-gate-inject"
"""On a namespace: its pods are ready once the load balancer says so, so that an update never outruns it."""


def gateway_manifests(platform: Platform) -> dict[str, Json]:
    """The objects by construct id; none where no load balancer of ours is asked for."""
    gateway = platform.gateway
    if not gateway.has_load_balancer:
        return {}
    return {
        "GatewayClass": _gateway_class(platform),
        "LoadBalancer": _load_balancer(platform, gateway),
        "Gateway": _gateway(platform),
    }


def _gateway_class(platform: Platform) -> Json:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "GatewayClass",
        "metadata": {"name": GATEWAY_CLASS, "labels": platform_labels(platform)},
        "spec": {"controllerName": CONTROLLER},
    }


def _gateway(platform: Platform) -> Json:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": _metadata(platform),
        "spec": {
            "gatewayClassName": GATEWAY_CLASS,
            "infrastructure": {
                "parametersRef": {
                    "group": "gateway.k8s.aws",
                    "kind": "LoadBalancerConfiguration",
                    "name": GATEWAY_NAME,
                }
            },
            "listeners": [
                {
                    "name": LISTENER,
                    "protocol": "HTTPS",
                    "port": PORT,
                    "hostname": f"*.{platform.gateway.domain}",
                    "allowedRoutes": {"namespaces": {"from": "Same"}},
                }
            ],
        },
    }


def _load_balancer(platform: Platform, gateway: Gateway) -> Json:
    listener: Json = {
        "protocolPort": f"HTTPS:{PORT}",
        "defaultCertificate": gateway.certificate_arn,
        "sslPolicy": TLS_POLICY,
    }
    if gateway.trust_store_arn is not None:
        listener["mutualAuthentication"] = {"mode": "verify", "trustStore": gateway.trust_store_arn}
    spec: Json = {
        "scheme": "internal",
        "sourceRanges": list(gateway.callers or platform.network.ranges),
        "listenerConfigurations": [listener],
        "loadBalancerAttributes": [
            {"key": "idle_timeout.timeout_seconds", "value": str(IDLE_SECONDS)},
            {"key": "routing.http.drop_invalid_header_fields.enabled", "value": "true"},
        ],
    }
    subnets = sorted(gateway.subnets) or _private_subnets(platform)
    if subnets:
        spec["loadBalancerSubnets"] = [{"identifier": subnet} for subnet in subnets]
    return {
        "apiVersion": "gateway.k8s.aws/v1",
        "kind": "LoadBalancerConfiguration",
        "metadata": _metadata(platform),
        "spec": spec,
    }


def _private_subnets(platform: Platform) -> list[str]:
    """Of a VPC that stands, where nobody may have tagged them for load balancers; ours are tagged with the cluster."""
    existing = platform.network.existing_vpc
    zones = platform.network.availability_zones
    return [] if existing is None else [existing.private_subnet_ids[zone] for zone in zones]


def _metadata(platform: Platform) -> Json:
    return {"name": GATEWAY_NAME, "namespace": platform.namespace, "labels": platform_labels(platform)}
