"""How requests come in: Gateway API's gateways and routes, pools of replicas, AWS' load balancers, and around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ai_on_eks.review.rules.assembly import KubeObject
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.values import dig, is_known, items

ROUTES = ("HTTPRoute", "GRPCRoute")
BACKENDS = ("Service", "InferencePool")
WITHOUT_TLS = ("HTTP", "TCP", "UDP")
EVERYWHERE = ("0.0.0.0/0", "::/0")
SETTINGS = "LoadBalancerConfiguration"
LISTENER_RULE = "ListenerRuleConfiguration"
PROOFS = ("jwt-validation", "authenticate-oidc", "authenticate-cognito")
"""Actions that ask callers who they are (aws-load-balancer-controller 3.7)."""


def _there(kind: str, near: KubeObject, reference: Any) -> bool | None:
    """Whether what is referred to is among the objects; None where that is not known."""
    name, namespace = dig(reference, "name"), dig(reference, "namespace") or near.namespace
    if name is None or not is_known([name, namespace]):
        return None
    return _named(near, kind, namespace, name) is not None


def _named(near: KubeObject, kind: str, namespace: str, name: str) -> KubeObject | None:
    found = (one for one in near.assembly.of_kind(kind) if (one.namespace, one.name) == (namespace, name))
    return next(found, None)


def _backends(route: KubeObject) -> Iterator[tuple[str, Any]]:
    for rule in items(route.get("spec", "rules")):
        for reference in items(dig(rule, "backendRefs")):
            kind = dig(reference, "kind") or "Service"
            if kind in BACKENDS:
                yield kind, reference


def _backend_missing(route: KubeObject) -> Iterator[str]:
    for kind, reference in _backends(route):
        if _there(kind, route, reference) is False:
            yield f"there is no {kind} {dig(reference, 'name')}"


def _port_missing(route: KubeObject) -> Iterator[str]:
    for kind, reference in _backends(route):
        port, name = dig(reference, "port"), dig(reference, "name")
        service = _named(route, kind, dig(reference, "namespace") or route.namespace, name)
        if kind != "Service" or service is None or not is_known([port, service.get("spec", "ports")]):
            continue
        if port not in [dig(one, "port") for one in items(service.get("spec", "ports"))]:
            yield f"no port of service {name} is named" if port is None else f"service {name} has no port {port}"


def _gateway_missing(route: KubeObject) -> Iterator[str]:
    """Of its own namespace: a gateway of another one may be somebody else's."""
    for parent in items(route.get("spec", "parentRefs")):
        is_own = dig(parent, "namespace") in (None, route.namespace) and dig(parent, "kind") in (None, "Gateway")
        if is_own and _there("Gateway", route, parent) is False:
            yield f"there is no Gateway {dig(parent, 'name')}"


def _extensions(route: KubeObject) -> Iterator[tuple[Any, list[Any]]]:
    """Each rule with what its filters refer to."""
    for rule in items(route.get("spec", "rules")):
        filters = items(dig(rule, "filters"))
        yield rule, [dig(one, "extensionRef") for one in filters if dig(one, "type") == "ExtensionRef"]


def _filter_missing(route: KubeObject) -> Iterator[str]:
    for _, references in _extensions(route):
        for reference in references:
            kind = dig(reference, "kind")
            if kind == LISTENER_RULE and _there(kind, route, reference) is False:
                yield f"there is no {kind} {dig(reference, 'name')}"


def _picker_missing(pool: KubeObject) -> Iterator[str]:
    picker = pool.get("spec", "endpointPickerRef")
    if picker is not None and dig(picker, "kind") in (None, "Service") and _there("Service", pool, picker) is False:
        yield f"there is no Service {dig(picker, 'name')}"


def _pool_empty(pool: KubeObject) -> Iterator[str]:
    wanted = pool.get("spec", "selector", "matchLabels")
    if not wanted or not is_known(wanted):
        return
    if not any(_matches(wanted, labels) for labels in _pod_labels(pool)):
        yield "no pods carry the labels of its selector"


PODS = {
    "Deployment": (("spec", "template", "metadata"),),
    "StatefulSet": (("spec", "template", "metadata"),),
    "LeaderWorkerSet": (
        ("spec", "leaderWorkerTemplate", "leaderTemplate", "metadata"),
        ("spec", "leaderWorkerTemplate", "workerTemplate", "metadata"),
    ),
    "InferenceService": (("spec", "predictor"),),
    "LLMInferenceService": (("spec",),),
}
"""Where what makes pods has their labels; a group's first pod serves, by a template of its own if it has one."""

FIRST_OF_A_GROUP = {"leaderworkerset.sigs.k8s.io/worker-index": "0"}
"""What LeaderWorkerSet's controller adds (lws.sigs.k8s.io, labels, annotations and environment variables, 2026-11)."""
GROUPED = ("LeaderWorkerSet", "LLMInferenceService")


def _pod_labels(near: KubeObject) -> Iterator[Any]:
    for one in near.assembly.of_kind(*PODS):
        if one.namespace == near.namespace:
            found = (one.get(*place, "labels") for place in PODS[one.kind])
            labels: Any = next((labels for labels in found if labels is not None), {})
            yield {**labels, **FIRST_OF_A_GROUP} if one.kind in GROUPED and is_known(labels) else labels


def _matches(wanted: Mapping[str, Any], labels: Any) -> bool:
    return all(dig(labels, key) == value for key, value in wanted.items())


def _without_tls(gateway: KubeObject) -> Iterator[str]:
    for listener in items(gateway.get("spec", "listeners")):
        if dig(listener, "protocol") in WITHOUT_TLS:
            yield f"listener {dig(listener, 'name')} takes {dig(listener, 'protocol')}"


def _facing(settings: KubeObject) -> Iterator[str]:
    if settings.get("spec", "scheme") == "internet-facing":
        yield "its scheme is internet-facing"


def _open(settings: KubeObject) -> Iterator[str]:
    ranges = settings.get("spec", "sourceRanges")
    if ranges in (None, []):
        yield "without sourceRanges every address may connect"
    for one in items(ranges):
        if one in EVERYWHERE:
            yield f"sourceRanges has {one}"


def _unproven(route: KubeObject) -> Iterator[str]:
    """Behind a load balancer whose settings are known."""
    for parent in items(route.get("spec", "parentRefs")):
        namespace, name = dig(parent, "namespace") or route.namespace, dig(parent, "name")
        gateway = _named(route, "Gateway", namespace, name)
        reference = None if gateway is None else gateway.get("spec", "infrastructure", "parametersRef")
        if gateway is None or dig(reference, "kind") != SETTINGS:
            continue
        settings = _named(gateway, SETTINGS, gateway.namespace, dig(reference, "name"))
        if settings is None or _asks_for_certificates(settings):
            continue
        if not all(_is_proven(route, references) for _, references in _extensions(route)):
            yield "whoever reaches the load balancer may call it"


def _asks_for_certificates(settings: KubeObject) -> bool:
    listeners = items(settings.get("spec", "listenerConfigurations"))
    modes = [dig(listener, "mutualAuthentication", "mode") for listener in listeners]
    return bool(modes) and all(mode == "verify" or not is_known(mode) for mode in modes)


def _is_proven(route: KubeObject, references: list[Any]) -> bool:
    """A reference to what is not there is another rule's finding."""
    for reference in references:
        rule = _named(route, LISTENER_RULE, route.namespace, dig(reference, "name"))
        actions = [] if rule is None else items(rule.get("spec", "actions"))
        if rule is None or any(dig(action, "type") in PROOFS for action in actions):
            return True
    return False


def _bypassed(route: KubeObject) -> Iterator[str]:
    """What every pod of the namespace, or of the cluster, may call beside the route."""
    for kind, reference in _backends(route):
        backend = _named(route, kind, dig(reference, "namespace") or route.namespace, dig(reference, "name"))
        if backend is None:
            continue
        selector = backend.get("spec", "selector")
        wanted = selector if kind == "Service" else dig(selector, "matchLabels")
        pods = [labels for labels in _pod_labels(backend) if wanted and is_known(wanted) and _matches(wanted, labels)]
        for policy in backend.assembly.of_kind("NetworkPolicy"):
            own = policy.get("spec", "podSelector", "matchLabels") or {}
            if policy.namespace == backend.namespace and any(_matches(own, labels) for labels in pods):
                yield from (f"network policy {policy.name} lets in {who}" for who in _everybody(policy))


def _everybody(policy: KubeObject) -> Iterator[str]:
    for rule in items(policy.get("spec", "ingress")):
        if dig(rule, "from") in (None, []):
            yield "everybody"
        for peer in items(dig(rule, "from")):
            if dig(peer, "ipBlock", "cidr") in EVERYWHERE:
                yield "every address"
            namespaces, pods = dig(peer, "namespaceSelector"), dig(peer, "podSelector")
            if namespaces == {} and not pods:
                yield "every pod of the cluster"
            elif namespaces is None and pods == {}:
                yield "every pod of the namespace"


RULES = (
    Rule(
        "route-backend-missing", ROUTES, "a route to something that is not there",
        "Every request is answered with 500, and only the route's status says why.",
        "name the Service or InferencePool of the model", _backend_missing,
    ),
    Rule(
        "route-port-missing", ROUTES, "a route to a port that the service does not have",
        "Every request is answered with 500, and only the route's status says why.", "name a port of the service",
        _port_missing,
    ),
    Rule(
        "route-gateway-missing", ROUTES, "a route of a gateway that is not there",
        "Nothing listens for it.", "name the Gateway that is", _gateway_missing,
    ),
    Rule(
        "route-filter-missing", ROUTES, "a route with a listener rule that is not there",
        "What it was to check is not checked, or the route is not made.", "add the ListenerRuleConfiguration",
        _filter_missing,
    ),
    Rule(
        "route-unauthenticated", ROUTES, "a route through a load balancer that asks nobody who they are",
        "Engines have no authentication of their own: whoever connects may use the accelerators.",
        "verify tokens by a ListenerRuleConfiguration, or client certificates", _unproven,
    ),
    Rule(
        "route-bypassed", ROUTES, "pods that can be called around their gateway",
        "What the gateway verifies is not asked of those who go another way.",
        "let in the gateway's pods or subnets alone", _bypassed,
    ),
    Rule(
        "pool-picker-missing", ("InferencePool",), "a pool whose picker is not there",
        "With FailClose no request is answered; with FailOpen any replica is taken.", "name the picker's Service",
        _picker_missing,
    ),
    Rule(
        "pool-empty", ("InferencePool",), "a pool that no pods belong to",
        "There is no replica to choose.", "select the labels of the model's pods", _pool_empty,
    ),
    Rule(
        "gateway-without-tls", ("Gateway",), "a listener without TLS",
        "Prompts, answers and tokens can be read on the way.", "use HTTPS with a certificate", _without_tls,
    ),
    Rule(
        "gateway-on-the-internet", (SETTINGS,), "a load balancer with a public address",
        "Models are meant for callers inside the network.", "set scheme: internal", _facing,
    ),
    Rule(
        "gateway-open", (SETTINGS,), "a load balancer that every address may connect to",
        "One mistake in authentication is then enough.", "set sourceRanges to the ranges of the callers", _open,
    ),
)  # fmt: skip
