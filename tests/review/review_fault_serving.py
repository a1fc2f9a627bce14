"""Planted faults in what pods with accelerators need to start, to serve and to stop, alone and in groups."""

from __future__ import annotations

from typing import Any

from review_fault_objects import ENGINE, MODEL, pods_of
from review_faults import GONE, Fault, in_object, in_pod, put
from review_grouped import grouped
from review_jobs import jobs
from review_routed import behind_load_balancer
from review_sample import Json, Sample
from review_scaled import scaled

TYPES = (
    "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.0.matchExpressions.0.values"
)
GROUP = "spec.leaderWorkerTemplate"
NEAR = "affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution"
EFA = "vpc.amazonaws.com/efa"
ROUTED = "llama-3-1-8b-instruct"


def engine_of(good: Sample) -> Json:
    engine: Json = good.object("Deployment", MODEL)["spec"]["template"]["spec"]["containers"][0]
    return engine


def variable(container: Json, name: str, value: Any) -> None:
    """Sets one of the environment, or removes it."""
    container["env"] = [one for one in container["env"] if one["name"] != name]
    if value is not GONE:
        container["env"].append({"name": name, "value": value})


def in_engine(code: str, name: str, value: Any) -> Fault:
    return Fault(
        code,
        f"{name} = {'nothing' if value is GONE else value}",
        scaled,
        lambda good: variable(engine_of(good), name, value),
    )


def from_the_hub(*more: str) -> Any:
    """The engine takes its weights by name."""

    def plant(good: Sample) -> None:
        engine = engine_of(good)
        engine["args"] = ["meta-llama/Llama-3.3-70B-Instruct", *more, *engine["args"][1:]]

    return plant


def by_another_option(good: Sample) -> None:
    engine = engine_of(good)
    engine |= {"command": ["text-embeddings-router"], "args": ["--model-id=BAAI/bge-m3", "--port=8000"]}


def in_group(code: str, path: str | tuple[Any, ...], *values: Any) -> list[Fault]:
    return in_object(code, "LeaderWorkerSet", path, *values, sample=grouped)


def on_workers(name: str, value: Any) -> Fault:
    """A resource that leader and workers no longer have alike."""

    def plant(good: Sample) -> None:
        for resources in pods_of(good.object("LeaderWorkerSet"))[1]["containers"][0]["resources"].values():
            put(resources, (name,), value)

    return Fault("group-unlike", f"workers: {name} = {'nothing' if value is GONE else value}", grouped, plant)


def provider(kind: str, sample: Any, value: Any) -> Fault:
    def plant(good: Sample) -> None:
        for pod in pods_of(good.object(kind)):
            variable(pod["containers"][0], "FI_PROVIDER", value)

    return Fault("pod-efa-provider", f"{kind}: FI_PROVIDER = {'nothing' if value is GONE else value}", sample, plant)


def anywhere(good: Sample) -> None:
    put(good.object("JobSet"), "spec.replicatedJobs.0.template.spec.template.spec.affinity.podAffinity", GONE)


def by_claim(good: Sample) -> None:
    """The device is claimed, and no longer asked for by number."""
    pod = good.object("Deployment", MODEL)["spec"]["template"]["spec"]
    for resources in pod["containers"][0]["resources"].values():
        resources.pop("nvidia.com/gpu")
    pod["resourceClaims"] = [{"name": "devices", "resourceClaimTemplateName": MODEL}]
    put(pod, f"{ENGINE}.resources.requests.cpu", GONE)


RESOURCES = [
    *in_pod("pod-cpu-unrequested", f"{ENGINE}.resources.requests.cpu", GONE),
    Fault("pod-cpu-unrequested", "of a claimed device", scaled, by_claim),
    *in_pod("pod-disk-unbounded", f"{ENGINE}.resources.requests.ephemeral-storage", GONE),
    *in_pod("pod-disk-unbounded", "volumes.0.emptyDir.sizeLimit", GONE),
    *in_object(
        "pod-disk-unbounded", "JobSet", "spec.replicatedJobs.0.template.spec.template.spec.volumes.0",
        {"name": "scratch", "emptyDir": {}}, sample=jobs,
    ),
    *in_pod("pod-too-large", f"{ENGINE}.resources.requests.cpu", "96", "95900m"),
    *in_pod("pod-too-large", f"{ENGINE}.resources.requests.memory", "1Ti"),
]  # fmt: skip

PLACEMENT = [
    *in_pod("pod-placement-missing", "affinity", GONE, {}),
    *in_pod("pod-type-unknown", TYPES, ["g7e.25xlarge"], ["g7e.24xlarge", "g7e.24xlarg"]),
    *in_object(
        "pod-type-unknown", "LeaderWorkerSet", f"{GROUP}.workerTemplate.spec.{TYPES}", ["p4d.48xlarge"], sample=grouped
    ),
    *in_object(
        "pod-spread-missing",
        "Deployment",
        "spec.template.spec.topologySpreadConstraints",
        GONE,
        [],
        sample=scaled,
        name=MODEL,
    ),
    *in_group("group-zones", f"{GROUP}.leaderTemplate.spec.affinity.podAffinity", GONE),
    *in_group("group-zones", f"{GROUP}.workerTemplate.spec.{NEAR}.0.topologyKey", "kubernetes.io/hostname"),
    Fault("group-zones", "a set of jobs", jobs, anywhere),
    *in_group(
        "group-exclusive-zone",
        ("metadata", "annotations"),
        {"leaderworkerset.sigs.k8s.io/exclusive-topology": "topology.kubernetes.io/zone"},
    ),
    on_workers(EFA, GONE),
    on_workers(EFA, "2"),
    on_workers("nvidia.com/gpu", "4"),
    Fault(
        "group-unlike",
        "no FI_EFA_FORK_SAFE on workers",
        grouped,
        lambda good: variable(pods_of(good.object("LeaderWorkerSet"))[1]["containers"][0], "FI_EFA_FORK_SAFE", GONE),
    ),
    provider("LeaderWorkerSet", grouped, GONE),
    provider("LeaderWorkerSet", grouped, "tcp"),
    provider("JobSet", jobs, GONE),
]

WEIGHTS = [
    in_engine("pod-hub-online", "HF_HUB_OFFLINE", GONE),
    in_engine("pod-hub-online", "HF_HUB_OFFLINE", "0"),
    Fault("pod-revision-missing", "of vLLM", scaled, from_the_hub()),
    Fault("pod-revision-missing", "of TEI", scaled, by_another_option),
    in_engine("pod-caches-unwritable", "HOME", GONE),
    in_engine("pod-caches-unwritable", "HOME", "/root"),
]

STARTS_AND_STOPS = [
    *in_pod("pod-liveness-hasty", f"{ENGINE}.livenessProbe.failureThreshold", 1, 2),
    *in_pod("pod-liveness-hasty", f"{ENGINE}.livenessProbe.periodSeconds", 5),
    *in_pod("pod-stop-hook-missing", f"{ENGINE}.lifecycle", GONE, {}),
    *in_pod("pod-grace-short", "terminationGracePeriodSeconds", GONE, 60),
    *in_pod("pod-grace-short", f"{ENGINE}.lifecycle.preStop.sleep.seconds", 45),
    *in_object("rollout-deadline-short", "Deployment", "spec.progressDeadlineSeconds", 300, name=MODEL),
    *in_pod("rollout-deadline-short", f"{ENGINE}.startupProbe.failureThreshold", 200),
]

OWNERSHIP = [
    *(
        fault
        for label in (
            "app.kubernetes.io/name",
            "app.kubernetes.io/managed-by",
            "ai-on-eks/plan-digest",
            "ai-on-eks/revision",
        )
        for fault in in_object("owner-labels-missing", "Deployment", ("metadata", "labels", label), GONE, name=MODEL)
    ),
    *in_group("owner-labels-missing", ("metadata", "labels", "ai-on-eks/plan-digest"), GONE),
]


def monitored(code: str, path: str | tuple[Any, ...], *values: Any, name: str = ROUTED) -> list[Fault]:
    return in_object(code, "PodMonitor", path, *values, sample=behind_load_balancer, name=name)


MONITORS = [
    *monitored("monitor-unlabelled", "metadata.labels.release", GONE, "prometheus"),
    *monitored("monitor-selects-nothing", ("spec", "selector", "matchLabels"), {"app": "llama"}),
    *monitored("monitor-selects-nothing", "metadata.namespace", "monitoring"),
    *monitored("monitor-port-missing", "spec.podMetricsEndpoints.0.port", "metrics-http"),
    *monitored("monitor-port-missing", "spec.podMetricsEndpoints.0.port", "status", name=f"{ROUTED}-router"),
]

FAULTS = [*RESOURCES, *PLACEMENT, *WEIGHTS, *STARTS_AND_STOPS, *OWNERSHIP, *MONITORS]
