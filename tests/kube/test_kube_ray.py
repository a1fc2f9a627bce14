"""RayService: the planned pods with what KubeRay needs to find in them, and who may talk to them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from kube_samples import POD_SPEC, workload

from ai_on_eks.kube.expansion import pods_of
from ai_on_eks.kube.manifests import model_manifests
from ai_on_eks.serving.types import Group, RayCluster, Workload

CLUSTER = RayCluster(
    version="2.58.0", pods=3, accelerators=4, object_store_bytes=512 * 1024**2, serve_config='{"applications": []}'
)
START = {
    "metrics-export-port": "8080",
    "num-cpus": "4",
    "num-gpus": "4",
    "object-store-memory": "536870912",
}


def pod_spec(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = deepcopy(dict(POD_SPEC))
    container = found["containers"][0]
    container |= {"args": [], **changes}
    return found


PROBE = {"httpGet": {"path": "/api/gcs_healthz", "port": "http"}, "periodSeconds": 10, "failureThreshold": 79}


def ray(pods: int = 3, **changes: Any) -> Workload:
    cluster = RayCluster(CLUSTER.version, pods, CLUSTER.accelerators, CLUSTER.object_store_bytes, CLUSTER.serve_config)
    return workload(
        ray=cluster,
        replicas=pods,
        metrics_port=8080,
        pod_spec=pod_spec(startupProbe=PROBE, readinessProbe=PROBE, livenessProbe=PROBE),
        group=Group(nodes=1, worker_pod_spec=pod_spec()),
        **changes,
    )


def spec(**changes: Any) -> dict[str, Any]:
    found: dict[str, Any] = model_manifests(ray(**changes))["Resource"]["spec"]
    return found


def head(**changes: Any) -> dict[str, Any]:
    return dict(spec(**changes)["rayClusterConfig"]["headGroupSpec"])


def test_the_head_is_the_first_of_the_planned_pods_and_workers_are_the_rest() -> None:
    cluster = spec()["rayClusterConfig"]
    (workers,) = cluster["workerGroupSpecs"]

    assert (workers["replicas"], workers["minReplicas"], workers["maxReplicas"]) == (2, 2, 2)
    assert workers["rayStartParams"] == START
    assert cluster["headGroupSpec"]["rayStartParams"] == {"dashboard-host": "0.0.0.0", **START}  # noqa: S104
    assert (cluster["rayVersion"], cluster["enableInTreeAutoscaling"]) == ("2.58.0", False)
    assert spec()["serveConfigV2"] == '{"applications": []}'


def test_given_one_pod_then_there_are_no_workers() -> None:
    assert spec(pods=1)["rayClusterConfig"]["workerGroupSpecs"] == []


def test_pods_are_never_made_beside_the_old_ones() -> None:
    assert spec()["upgradeStrategy"] == {"type": "None"}


def test_kuberay_writes_the_command_and_finds_ports_by_name() -> None:
    template = head()["template"]["spec"]
    (container,) = template["containers"]

    assert not {"args", "command"} & set(container)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {"serve": 8000, "metrics": 8080, "dashboard": 8265, "gcs-server": 6379}
    assert container["resources"] == POD_SPEC["containers"][0]["resources"]
    assert {key: value for key, value in template.items() if key != "containers"}.items() <= POD_SPEC.items()


def test_the_head_is_ready_before_the_model_is_and_a_worker_by_its_own_agent() -> None:
    (container,) = head()["template"]["spec"]["containers"]
    probes = {name: probe["httpGet"] for name, probe in container.items() if name.endswith("Probe")}
    assert set(probes) == {"startupProbe", "readinessProbe", "livenessProbe"}
    assert all(probe == {"path": "/api/gcs_healthz", "port": "dashboard"} for probe in probes.values())

    (workers,) = spec()["rayClusterConfig"]["workerGroupSpecs"]
    (container,) = workers["template"]["spec"]["containers"]
    probes = {name: probe["httpGet"] for name, probe in container.items() if name.endswith("Probe")}
    assert set(probes) == {"startupProbe", "readinessProbe", "livenessProbe"}
    assert all(probe == {"path": "/api/local_raylet_healthz", "port": 52365} for probe in probes.values())
    assert container["startupProbe"]["failureThreshold"] == 79


def test_callers_reach_the_head_once_serve_answers_there() -> None:
    manifests = model_manifests(ray())
    served = {"ai-on-eks/model": "llama", "ai-on-eks/part": "leader", "ray.io/serve": "true"}

    assert manifests["Service"]["spec"]["selector"] == served
    assert manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"] == served
    labels = manifests["Resource"]["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["metadata"]["labels"]
    assert {key: value for key, value in served.items() if key != "ray.io/serve"}.items() <= labels.items()


def test_the_operator_and_monitoring_reach_every_pod_and_nobody_else_the_dashboard() -> None:
    policy = model_manifests(ray())["GroupNetworkPolicy"]["spec"]
    group, monitoring, operator = policy["ingress"]

    assert policy["podSelector"]["matchLabels"] == {"ai-on-eks/model": "llama"}
    assert "ports" not in group
    assert [port["port"] for port in monitoring["ports"]] == [8080]
    (source,) = operator["from"]
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "kuberay-operator"}
    assert [port["port"] for port in operator["ports"]] == [8265, 8000]


def test_ray_s_own_services_ask_for_a_token_and_nothing_of_it_is_rendered() -> None:
    cluster = spec()["rayClusterConfig"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert "RAY_AUTH_TOKEN" not in str(model_manifests(ray()))


def test_every_pod_tells_of_its_processes() -> None:
    monitor = model_manifests(ray(), monitored=True)["PodMonitor"]["spec"]

    assert monitor["selector"]["matchLabels"] == {"ai-on-eks/model": "llama"}
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["port"] == "metrics"
    (workers,) = spec()["rayClusterConfig"]["workerGroupSpecs"]
    (container,) = workers["template"]["spec"]["containers"]
    assert [(port["name"], port["containerPort"]) for port in container["ports"]] == [("metrics", 8080)]


def test_a_budget_counts_pods_since_a_cluster_tells_of_no_replicas() -> None:
    budget = model_manifests(ray())["PodDisruptionBudget"]["spec"]
    assert budget["minAvailable"] == 2
    assert "maxUnavailable" not in budget


def test_the_cluster_becomes_as_many_pods_as_were_planned_and_none_is_forgotten() -> None:
    pods = pods_of(model_manifests(ray()).values())
    assert [pod.name for pod in pods] == ["llama-head", "llama-workers-0", "llama-workers-1"]
    assert {pod.spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] for pod in pods} == {"1"}
