"""Planted faults in how requests come in."""

from __future__ import annotations

from typing import Any

from review_faults import GONE, Fault, in_object
from review_routed import behind_existing_gateway, behind_load_balancer
from review_sample import Sample

ROUTER = "llama-3-1-8b-instruct-router"
BACKEND = "spec.rules.0.backendRefs.0"


def balanced(code: str, kind: str, path: str, *values: Any, name: str | None = None) -> list[Fault]:
    return in_object(code, kind, path, *values, sample=behind_load_balancer, name=name)


def pooled(code: str, kind: str, path: str, *values: Any, name: str | None = None) -> list[Fault]:
    return in_object(code, kind, path, *values, sample=behind_existing_gateway, name=name)


def without(kind: str, name: str | None = None) -> Any:
    def plant(good: Sample) -> None:
        for file, bodies in good.objects.items():
            gone = [one for one in bodies if one["kind"] == kind and name in (None, one["metadata"]["name"])]
            good.objects[file] = [one for one in bodies if one not in gone]

    return plant


FAULTS = [
    *balanced("route-backend-missing", "HTTPRoute", f"{BACKEND}.name", "llama"),
    *balanced("route-backend-missing", "HTTPRoute", f"{BACKEND}.namespace", "elsewhere"),
    *pooled("route-backend-missing", "HTTPRoute", f"{BACKEND}.name", "llama"),
    Fault("route-backend-missing", "no pool", behind_existing_gateway, without("InferencePool")),
    *balanced("route-port-missing", "HTTPRoute", f"{BACKEND}.port", 8000, GONE),
    *balanced("route-gateway-missing", "HTTPRoute", "spec.parentRefs.0.name", "inference"),
    Fault("route-gateway-missing", "no gateway", behind_load_balancer, without("Gateway")),
    Fault("route-filter-missing", "no rule", behind_load_balancer, without("ListenerRuleConfiguration")),
    *balanced("route-unauthenticated", "HTTPRoute", "spec.rules.0.filters", GONE, []),
    *balanced("route-unauthenticated", "ListenerRuleConfiguration", "spec.actions.0.type", "fixed-response"),
    *balanced("route-bypassed", "NetworkPolicy", "spec.ingress.0.from", GONE, [{"podSelector": {}}], name=ROUTER),
    *balanced("route-bypassed", "NetworkPolicy", "spec.ingress.0.from.0.ipBlock.cidr", "0.0.0.0/0", name=ROUTER),
    *pooled(
        "route-bypassed", "NetworkPolicy", "spec.ingress.0.from.0", {"namespaceSelector": {}}, {"podSelector": {}},
        name="llama-3-1-8b-instruct",
    ),
    *pooled("pool-picker-missing", "InferencePool", "spec.endpointPickerRef.name", "picker"),
    Fault("pool-picker-missing", "no service", behind_existing_gateway, without("Service", ROUTER)),
    *pooled("pool-empty", "InferencePool", "spec.selector.matchLabels", {"app": "llama"}),
    *balanced("gateway-without-tls", "Gateway", "spec.listeners.0.protocol", "HTTP", "TCP"),
    *balanced("gateway-on-the-internet", "LoadBalancerConfiguration", "spec.scheme", "internet-facing"),
    *balanced("gateway-open", "LoadBalancerConfiguration", "spec.sourceRanges", GONE, [], ["0.0.0.0/0"]),
]  # fmt: skip
