"""v1 Service: the stable address of one model inside the cluster."""

from __future__ import annotations

from ai_on_eks.kube.objects.labels import metadata, serving_selector
from ai_on_eks.serving.types import Json, Workload

HTTP_PORT_NAME = "http"
METRICS_PORT_NAME = "metrics"


def service(workload: Workload) -> Json:
    """`http://<model>.<namespace>:<port>`, reachable from inside the cluster only."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(workload),
        "spec": {"type": "ClusterIP", "selector": serving_selector(workload), "ports": _ports(workload)},
    }


def metrics_port_name(workload: Workload) -> str:
    """The Service port to scrape."""
    return HTTP_PORT_NAME if workload.metrics_port == workload.port else METRICS_PORT_NAME


def _ports(workload: Workload) -> list[Json]:
    """A Service must not list a port number twice, so engines that serve metrics on the API port have one port only.

    The Service's port equals the container's: the VPC CNI enforces network policies on Services only then
    (docs.aws.amazon.com/eks/latest/userguide/cni-network-policy.html, considerations, 2026-11).
    """
    ports = [_port(HTTP_PORT_NAME, workload.port)]
    if metrics_port_name(workload) == METRICS_PORT_NAME:
        ports.append(_port(METRICS_PORT_NAME, workload.metrics_port))
    return ports


def _port(name: str, number: int) -> Json:
    return {"name": name, "port": number, "targetPort": number, "protocol": "TCP"}
