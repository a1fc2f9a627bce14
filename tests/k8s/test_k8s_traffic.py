"""Planned models behind each kind of gateway: their objects byte for byte, taken by an API server, led to by routes.

`UPDATE_SNAPSHOTS=1 python -m pytest tests/k8s` writes the snapshots anew; read the difference before you commit it.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.loading import load_descriptor, load_platform
from ai_on_eks.kube.pod_security import why_not_restricted
from ai_on_eks.kube.render import render_manifests
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.storage import StorageAddresses
from ai_on_eks.serving.workload import build_workload

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
SNAPSHOTS = Path(__file__).parent / "traffic_snapshots"
MODEL = "llama-3-1-8b-instruct"
CASES = {
    "internal-alb": ("traffic/platform.yaml", f"scaling/{MODEL}.yaml"),
    "existing": ("traffic/existing-gateway.yaml", f"traffic/{MODEL}.yaml"),
}
"""Platform and model of each: one that has several replicas, and one that may sleep."""

CORE = ("v1", "apps/v1", "networking.k8s.io/v1", "policy/v1", "rbac.authorization.k8s.io/v1")

every_case = pytest.mark.parametrize("case", CASES)


@cache
def _files(case: str) -> dict[str, str]:
    platform_file, model_file = CASES[case]
    platform = load_platform(EXAMPLES / platform_file)
    descriptor = load_descriptor(EXAMPLES / model_file)
    catalog = load_catalog(platform.region)
    plan = plan_model(descriptor, build_inventory(descriptor), catalog, platform)
    (plan,) = plan_fleet([plan], platform, catalog).plans
    workload = build_workload(plan, platform, load_images(None))
    return render_manifests([workload], platform, StorageAddresses(bucket="example-model-bucket"))


def _objects(case: str) -> list[dict[str, Any]]:
    return [one for text in _files(case).values() for one in yaml.safe_load_all(text) if one]


def _one(case: str, kind: str, name: str | None = None) -> dict[str, Any]:
    (found,) = [one for one in _objects(case) if one["kind"] == kind and name in (None, one["metadata"]["name"])]
    return found


@every_case
@pytest.mark.parametrize("file", ["platform.yaml", f"{MODEL}.yaml"])
def test_objects_are_their_snapshot(case: str, file: str) -> None:
    path = SNAPSHOTS / case / file
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(_files(case)[file], encoding="utf-8")

    assert _files(case)[file] == path.read_text(encoding="utf-8")


@every_case
@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_every_object_of_kubernetes_conforms(case: str, version: str) -> None:
    checked = [one for one in _objects(case) if one["apiVersion"] in CORE]
    assert {"Deployment", "Role", "NetworkPolicy"} <= {one["kind"] for one in checked}
    for one in checked:
        kubernetes_validate.validate(one, version, strict=True)


@every_case
def test_the_routers_pods_are_admitted(case: str) -> None:
    spec = _one(case, "Deployment", f"{MODEL}-router")["spec"]["template"]["spec"]
    assert why_not_restricted(spec) == ()


def test_a_load_balancer_leads_to_the_router_and_that_to_the_pods() -> None:
    (backend,) = _one("internal-alb", "HTTPRoute")["spec"]["rules"][0]["backendRefs"]
    service = _one("internal-alb", "Service", backend["name"])
    pods = _one("internal-alb", "Deployment", f"{MODEL}-router")["spec"]["template"]
    assert service["spec"]["selector"].items() <= pods["metadata"]["labels"].items()
    ports = {port["containerPort"] for container in pods["spec"]["containers"] for port in container["ports"]}
    assert backend["port"] in ports
    replicas = _one("internal-alb", "Deployment", MODEL)["spec"]["template"]["metadata"]["labels"]
    assert not service["spec"]["selector"].items() <= replicas.items()


def test_a_gateway_in_pods_leads_to_the_pool_and_asks_its_picker() -> None:
    (backend,) = _one("existing", "HTTPRoute")["spec"]["rules"][0]["backendRefs"]
    pool = _one("existing", backend["kind"], backend["name"])["spec"]
    replicas = _one("existing", "Deployment", MODEL)["spec"]["template"]["metadata"]["labels"]
    assert pool["selector"]["matchLabels"].items() <= replicas.items()
    picker = _one("existing", "Service", pool["endpointPickerRef"]["name"])
    assert picker["spec"]["ports"][0]["port"] == pool["endpointPickerRef"]["port"]["number"]
    assert pool["endpointPickerRef"]["failureMode"] == "FailClose"  # it may sleep


def test_a_model_that_may_sleep_is_woken_by_what_its_picker_holds() -> None:
    scaler = _one("existing", "ScaledObject")["spec"]
    assert scaler["minReplicaCount"] == 0
    assert any("llm_d_epp_flow_control_queue_size" in one["metadata"]["query"] for one in scaler["triggers"])
    config = _one("existing", "ConfigMap", f"{MODEL}-router")["data"]["picker.yaml"]
    assert yaml.safe_load(config)["featureGates"] == ["flowControl"]
    awake = _one("internal-alb", "ConfigMap", f"{MODEL}-router")["data"]["picker.yaml"]
    assert "featureGates" not in yaml.safe_load(awake)


def test_the_pods_let_in_the_router_alone_and_the_router_the_load_balancer() -> None:
    subnets = [{"ipBlock": {"cidr": cidr}} for cidr in ("10.0.224.0/26", "10.0.224.64/26")]
    callers, metrics = _one("internal-alb", "NetworkPolicy", f"{MODEL}-router")["spec"]["ingress"]
    assert callers["from"] == subnets
    (monitoring,) = metrics["from"]
    assert set(monitoring) == {"namespaceSelector"}
    callers, _ = _one("internal-alb", "NetworkPolicy", MODEL)["spec"]["ingress"]
    assert callers["from"] == [{"podSelector": {"matchLabels": {"ai-on-eks/router": MODEL}}}]


def test_the_pods_let_in_a_gateways_pods_and_its_picker() -> None:
    callers, _ = _one("existing", "NetworkPolicy", MODEL)["spec"]["ingress"]
    gateway, router = callers["from"]
    assert gateway["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "istio-ingress"}
    assert gateway["podSelector"]["matchLabels"] == {"gateway.networking.k8s.io/gateway-name": "inference"}
    assert router == {"podSelector": {"matchLabels": {"ai-on-eks/router": MODEL}}}


@every_case
def test_nothing_is_reachable_from_the_internet(case: str) -> None:
    for one in _objects(case):
        assert one["kind"] != "Service" or one["spec"]["type"] == "ClusterIP"
        assert one["kind"] != "LoadBalancerConfiguration" or one["spec"]["scheme"] == "internal"
    assert [one for one in _objects("existing") if one["kind"] in ("Gateway", "GatewayClass")] == []
