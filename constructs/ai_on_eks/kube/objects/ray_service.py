"""ray.io/v1 RayService: a model that Ray Serve runs on a cluster of Ray, whose pods are the planned ones.

    head     the first pod; it has accelerators as all others, and Ray's own services beside them
    workers  the rest, alike
    command  `ray start`, written by KubeRay from `rayStartParams`

A new cluster beside the old one, KubeRay's way of changing pods, would wait for accelerators that the old one has:
the strategy is none, and a change of the pods waits until somebody deletes the cluster. What Serve runs is changed
in place. The head keeps its state in memory, so that its loss ends every replica until a new cluster has started.

Ray's own services ask for a token, which KubeRay makes for each cluster and keeps in a Secret; paths of health, metrics
and Serve's proxy answer without one (ray 2.58.0 wheel, dashboard/http_server_head.py). It stands in a variable of every
pod, since KubeRay hands it over in no other way, opens nothing but this cluster, and goes between pods unencrypted.

Probes are named, because KubeRay's own run wget in a shell, and let a worker that holds a stage but no replica of
Serve wait for ever (docs.ray.io, RayService worker Pods aren't ready).
"""

from __future__ import annotations

from typing import Any

from ai_on_eks.kube.objects.labels import LEADER, WORKER, metadata
from ai_on_eks.kube.objects.pod_template import pod_metadata
from ai_on_eks.serving.types import Group, Json, RayCluster, Workload

DASHBOARD_PORT = 8265
"""Where KubeRay tells Serve what to run, and asks how it is."""
GCS_PORT = 6379
AGENT_PORT = 52365

METRICS_PORT_NAME = "metrics"
RAYLET_HEALTH = "/api/local_raylet_healthz"
"""Of the agent on every node of Ray, to whoever asks (ray 2.58.0 wheel, dashboard/http_server_agent.py)."""

CPUS = 4
"""What the processes of Serve on one pod book, and no limit: a replica and its ingress one each, the rest in reserve
where the ingress of another pod's replica comes to lie there."""

RAYLET_PROBES = {
    "readinessProbe": {"periodSeconds": 5, "failureThreshold": 3},
    "livenessProbe": {"periodSeconds": 20, "failureThreshold": 6},
}
PROBE_TIMEOUT_SECONDS = 5


def ray_service(workload: Workload, ray: RayCluster, group: Group) -> Json:
    """The object. Its head's and its workers' pods are the planned ones, but for what KubeRay writes itself."""
    workers = ray.pods - 1
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": metadata(workload),
        "spec": {
            "upgradeStrategy": {"type": "None"},
            "serveConfigV2": ray.serve_config,
            "rayClusterConfig": {
                "rayVersion": ray.version,
                "authOptions": {"mode": "token"},
                "enableInTreeAutoscaling": False,
                "headGroupSpec": {
                    "serviceType": "ClusterIP",
                    "rayStartParams": {"dashboard-host": "0.0.0.0", **_start(workload, ray)},  # noqa: S104
                    "template": {"metadata": pod_metadata(workload, LEADER), "spec": _head(workload)},
                },
                "workerGroupSpecs": [_workers(workload, ray, group)] if workers else [],
            },
        },
    }


def _workers(workload: Workload, ray: RayCluster, group: Group) -> Json:
    count = ray.pods - 1
    return {
        "groupName": "workers",
        "replicas": count,
        "minReplicas": count,
        "maxReplicas": count,
        "rayStartParams": _start(workload, ray),
        "template": {"metadata": pod_metadata(workload, WORKER), "spec": _worker(workload, group)},
    }


def _start(workload: Workload, ray: RayCluster) -> dict[str, str]:
    """Of accelerators as many as the pod has, also where they are claimed and KubeRay cannot count them."""
    return {
        "metrics-export-port": str(workload.metrics_port),
        "num-cpus": str(CPUS),
        "num-gpus": str(ray.accelerators),
        "object-store-memory": str(ray.object_store_bytes),
    }


def _head(workload: Workload) -> Json:
    """Ports by the names that KubeRay looks for; named once, all of them have to be."""
    ports = {
        "serve": workload.port,
        METRICS_PORT_NAME: workload.metrics_port,
        "dashboard": DASHBOARD_PORT,
        "gcs-server": GCS_PORT,
    }
    first, *others = workload.pod_spec["containers"]
    probes = {name: _asking(first[name], "dashboard") for name in first if name.endswith("Probe")}
    container = {**_plain(first), **probes, "ports": [_port(name, number) for name, number in ports.items()]}
    return {**workload.pod_spec, "containers": [container, *others]}


def _worker(workload: Workload, group: Group) -> Json:
    """Its agent alone is asked: a pod that holds one stage of a replica serves nobody."""
    first, *others = group.worker_pod_spec["containers"]
    asked = {"httpGet": {"path": RAYLET_HEALTH, "port": AGENT_PORT}, "timeoutSeconds": PROBE_TIMEOUT_SECONDS}
    probes = {name: {**asked, **times} for name, times in RAYLET_PROBES.items()}
    starting = workload.pod_spec["containers"][0].get("startupProbe")
    if starting is not None:
        probes["startupProbe"] = {**starting, **asked}
    ports = [_port(METRICS_PORT_NAME, workload.metrics_port)]
    return {**group.worker_pod_spec, "containers": [{**_plain(first), **probes, "ports": ports}, *others]}


def _plain(container: Json) -> dict[str, Any]:
    return {key: value for key, value in container.items() if key not in ("args", "command")}


def _asking(probe: Json, port: str) -> Json:
    return {**probe, "httpGet": {**probe["httpGet"], "port": port}}


def _port(name: str, number: int) -> Json:
    return {"name": name, "containerPort": number, "protocol": "TCP"}
