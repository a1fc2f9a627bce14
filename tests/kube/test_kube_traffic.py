"""What brings requests to a model: rights of the router, its probes and ends, and how a token is asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from kube_samples import platform, workload
from msgspec.structs import replace

from ai_on_eks.descriptors.platform_gateway import Gateway, GatewayKind
from ai_on_eks.kube.manifests import model_manifests, platform_manifests
from ai_on_eks.kube.objects.envoy import DESTINATION_HEADER
from ai_on_eks.kube.objects.http_route import http_route, listener_rule, target_group
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.serving.types import Router, TokenCheck, Traffic, Workload

ROUTER = Router(
    image="example.com/picker@sha256:1",
    proxy_image="example.com/proxy@sha256:2",
    metrics="vllm",
    millicores=400,
    memory_bytes=512 * 2**20,
    replicas=1,
    hold_seconds=None,
)
TOKENS = TokenCheck("https://issuer.example.com", "https://issuer.example.com/jwks.json", "models")
BALANCED = Traffic(
    hostname="llama.models.example.com",
    gateway="models",
    gateway_namespace="models",
    has_load_balancer=True,
    source_ranges=("10.0.224.0/26",),
    tokens=TOKENS,
    health_path="/health",
    router=ROUTER,
)
POOLED = replace(
    BALANCED,
    gateway="entry",
    gateway_namespace="istio",
    has_load_balancer=False,
    source_ranges=(),
    tokens=None,
    router=replace(ROUTER, proxy_image=None),
)


def routed(traffic: Traffic = BALANCED) -> Workload:
    return workload(traffic=traffic)


def pod(traffic: Traffic = BALANCED) -> dict[str, Any]:
    spec = model_manifests(routed(traffic))["Router"]["spec"]["template"]["spec"]
    return dict(spec)


@pytest.mark.parametrize("traffic", [BALANCED, POOLED])
def test_a_router_is_admitted_and_reads_pods_alone(traffic: Traffic) -> None:
    manifests = model_manifests(routed(traffic))
    assert why_not_restricted(pod(traffic)) == ()
    assert manifests["RouterRole"]["rules"] == [
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}
    ]
    (subject,) = manifests["RouterRoleBinding"]["subjects"]
    assert subject["name"] == pod(traffic)["serviceAccountName"]


def test_the_token_of_the_api_server_is_in_the_picker_and_not_in_the_proxy() -> None:
    spec = pod()
    assert spec["automountServiceAccountToken"] is False
    mounts = {one["name"]: {mount["name"] for mount in one["volumeMounts"]} for one in spec["containers"]}
    assert mounts == {"picker": {"config", "token"}, "proxy": {"config"}}


def test_requests_that_run_end_before_the_router_does() -> None:
    spec = pod()
    for container in spec["containers"]:
        assert container["lifecycle"]["preStop"]["sleep"]["seconds"] < spec["terminationGracePeriodSeconds"]
    attributes = target_group(routed(), BALANCED)["spec"]["defaultConfiguration"]["targetGroupAttributes"]
    (delay,) = [one["value"] for one in attributes if one["key"].startswith("deregistration_delay")]
    assert int(delay) <= spec["terminationGracePeriodSeconds"]


def test_the_picker_speaks_tls_only_where_another_pod_asks_it() -> None:
    for traffic, expected in ((BALANCED, "false"), (POOLED, "true")):
        assert f"--secure-serving={expected}" in pod(traffic)["containers"][0]["args"]


def test_the_proxy_sends_a_request_where_the_picker_says_and_nowhere_else() -> None:
    bootstrap = json.loads(model_manifests(routed())["RouterConfigMap"]["data"]["envoy.json"])
    clusters = {one["name"]: one for one in bootstrap["static_resources"]["clusters"]}
    assert clusters["replicas"]["original_dst_lb_config"]["http_header_name"] == DESTINATION_HEADER
    text = json.dumps(bootstrap)
    assert '"failure_mode_allow": false' in text
    assert "admin" not in bootstrap
    assert "envoy.json" not in model_manifests(routed(POOLED))["RouterConfigMap"]["data"]


def test_a_changed_configuration_starts_the_router_anew() -> None:
    def hashed(traffic: Traffic) -> str:
        found = model_manifests(routed(traffic))["Router"]["spec"]["template"]["metadata"]["annotations"]
        return json.dumps(found)

    sleeping = replace(BALANCED, router=replace(ROUTER, hold_seconds=600))
    assert hashed(sleeping) != hashed(BALANCED)
    config = yaml.safe_load(model_manifests(routed(sleeping))["RouterConfigMap"]["data"]["picker.yaml"])
    assert config["flowControl"]["defaultRequestTTL"] == "600s"


def test_two_routers_may_not_go_at_once_and_one_has_no_budget() -> None:
    twice = replace(BALANCED, router=replace(ROUTER, replicas=2))
    assert model_manifests(routed(twice))["RouterPodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    assert "RouterPodDisruptionBudget" not in model_manifests(routed())


def test_a_token_is_asked_for_by_issuer_and_audience() -> None:
    (action,) = listener_rule(routed(), TOKENS)["spec"]["actions"]
    check = action["jwtValidationConfig"]
    assert (action["type"], check["issuer"], check["jwksEndpoint"]) == ("jwt-validation", TOKENS.issuer, TOKENS.keys)
    (claim,) = check["additionalClaims"]
    assert (claim["name"], claim["values"]) == ("aud", ["models"])
    (any_audience,) = listener_rule(routed(), replace(TOKENS, audience=None))["spec"]["actions"]
    assert "additionalClaims" not in any_audience["jwtValidationConfig"]


def test_a_route_leads_to_the_service_where_there_is_nothing_to_choose() -> None:
    for traffic in (replace(BALANCED, router=None), replace(POOLED, router=None)):
        (rule,) = http_route(routed(traffic), traffic)["spec"]["rules"]
        assert rule["backendRefs"] == [{"name": workload().name, "port": workload().port}]
    assert "Router" not in model_manifests(routed(replace(BALANCED, router=None)))


def test_pods_before_a_load_balancer_are_ready_when_it_says_so() -> None:
    gateway = Gateway(kind=GatewayKind.INTERNAL_ALB, domain="models.example.com")
    labels = platform_manifests(platform(gateway=gateway), None)["Resource"]["metadata"]["labels"]
    assert labels["elbv2.k8s.aws/pod-readiness-gate-inject"] == "enabled"
    plain = platform_manifests(platform(), None)
    assert "elbv2.k8s.aws/pod-readiness-gate-inject" not in plain["Resource"]["metadata"]["labels"]
    assert not {"Gateway", "GatewayClass", "LoadBalancer"} & set(plain)
