"""gateway.networking.k8s.io/v1 HTTPRoute of a model, and what only AWS' implementation knows of a route.

a load balancer     -> the router's proxy, else the Service; the token is verified before, by a listener rule
a gateway in pods   -> the InferencePool, else the Service
"""

from __future__ import annotations

from ai_on_eks.kube.objects.envoy import HEALTH_PORT, HTTP_PORT
from ai_on_eks.kube.objects.gateway import LISTENER
from ai_on_eks.kube.objects.labels import metadata
from ai_on_eks.kube.objects.router import router_name
from ai_on_eks.serving.pod import DRAIN_SECONDS, REQUEST_SECONDS
from ai_on_eks.serving.types import Json, TokenCheck, Traffic, Workload

RULE_GROUP = "gateway.k8s.aws"


def http_route(workload: Workload, traffic: Traffic) -> Json:
    """Everything under the model's host name, without a time limit: answers take as long as they are long."""
    rule: Json = {"backendRefs": [_backend(workload, traffic)]}
    parent: Json = {"name": traffic.gateway, "namespace": traffic.gateway_namespace}
    if traffic.has_load_balancer:
        parent["sectionName"] = LISTENER
    else:
        rule["timeouts"] = {"request": "0s"}
    if traffic.tokens is not None:
        reference = {"group": RULE_GROUP, "kind": "ListenerRuleConfiguration", "name": workload.name}
        rule["filters"] = [{"type": "ExtensionRef", "extensionRef": reference}]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(workload),
        "spec": {"parentRefs": [parent], "hostnames": [traffic.hostname], "rules": [rule]},
    }


def listener_rule(workload: Workload, tokens: TokenCheck) -> Json:
    """Signature, issuer and end of a token are always verified; the audience where one is named."""
    check: Json = {"issuer": tokens.issuer, "jwksEndpoint": tokens.keys}
    if tokens.audience is not None:
        check["additionalClaims"] = [{"name": "aud", "format": "single-string", "values": [tokens.audience]}]
    return {
        "apiVersion": f"{RULE_GROUP}/v1",
        "kind": "ListenerRuleConfiguration",
        "metadata": metadata(workload),
        "spec": {"actions": [{"type": "jwt-validation", "jwtValidationConfig": check}]},
    }


def target_group(workload: Workload, traffic: Traffic) -> Json:
    """Pods as targets. A pod that stops is given the time that its running requests get."""
    backend = _backend(workload, traffic)
    health = {"healthCheckPath": traffic.health_path, "healthCheckPort": "traffic-port"}
    if traffic.router is not None:
        health = {"healthCheckPath": "/ready", "healthCheckPort": str(HEALTH_PORT)}
    return {
        "apiVersion": f"{RULE_GROUP}/v1",
        "kind": "TargetGroupConfiguration",
        "metadata": metadata(workload, backend["name"]),
        "spec": {
            "targetReference": {"name": backend["name"]},
            "defaultConfiguration": {
                "targetType": "ip",
                "protocol": "HTTP",
                "protocolVersion": "HTTP1",
                "healthCheckConfig": {
                    **health,
                    "healthCheckProtocol": "HTTP",
                    "healthCheckInterval": 10,
                    "healthCheckTimeout": 5,
                    "healthyThresholdCount": 2,
                    "unhealthyThresholdCount": 3,
                    "matcher": {"httpCode": "200"},
                },
                "targetGroupAttributes": [
                    {"key": "deregistration_delay.timeout_seconds", "value": str(DRAIN_SECONDS + REQUEST_SECONDS)},
                    # Requests differ by a factor of a thousand; in turn would pile them up.
                    {"key": "load_balancing.algorithm.type", "value": "least_outstanding_requests"},
                ],
            },
        },
    }


def _backend(workload: Workload, traffic: Traffic) -> Json:
    if traffic.router is None:
        return {"name": workload.name, "port": workload.port}
    if traffic.has_load_balancer:
        return {"name": router_name(workload.name), "port": HTTP_PORT}
    return {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": workload.name}
