"""Pods as controllers make them out of rendered objects: how many, with which labels, beside which others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from ai_on_eks.kube.cluster_scheduling import Pod
from ai_on_eks.kube.objects.labels import WORKER_INDEX_LABEL
from ai_on_eks.kube.objects.llm_inference_service import kserve_group_name
from ai_on_eks.serving.types import Json

GROUP_INDEX = "leaderworkerset.sigs.k8s.io/group-index"
GROUP_KEY = "leaderworkerset.sigs.k8s.io/group-key"
EXCLUSIVE_TOPOLOGY = "leaderworkerset.sigs.k8s.io/exclusive-topology"
"""Labels that the controller sets, and the annotation by which it keeps a group in a domain and every other group out
of it (kubernetes-sigs/lws, pkg/webhooks/pod_webhook.go, pkg/controllers/pod_controller.go, 2026-11)."""

NO_PODS = frozenset(
    {
        *("ConfigMap", "Namespace", "PersistentVolume", "PersistentVolumeClaim", "Service", "ServiceAccount"),
        *("DaemonSet", "EC2NodeClass", "NodeClass", "NodePool", "StorageClass"),
        *("HorizontalPodAutoscaler", "PodDisruptionBudget", "ScaledObject", "TriggerAuthentication"),
        *("NetworkPolicy", "PodMonitor", "PriorityClass", "PrometheusRule", "ResourceClaimTemplate"),
        *("ClusterQueue", "LocalQueue", "ResourceFlavor", "Role", "RoleBinding", "SecretProviderClass"),
        *("Gateway", "GatewayClass", "HTTPRoute", "InferencePool", "ListenerRuleConfiguration"),
        *("LLMInferenceServiceConfig", "LoadBalancerConfiguration", "TargetGroupConfiguration"),
    }
)
"""Kinds that no controller makes pods from, and DaemonSets, whose pods are off a node's room already. Any other kind
has to be expanded here, or its pods would be forgotten."""


def pods_of(manifests: Iterable[Json]) -> tuple[Pod, ...]:
    """Every pod that all these objects become when each is as large as it is rendered."""
    listed = [*manifests]
    claims = {_key(one): one["spec"]["spec"] for one in listed if one["kind"] == "ResourceClaimTemplate"}
    pods: list[Pod] = []
    for manifest in listed:
        if manifest["kind"] in NO_PODS:
            continue
        expand = _EXPANSIONS.get(manifest["kind"])
        if expand is None:
            raise ValueError(f"pods of a {manifest['kind']} are not known")
        pods += expand(manifest, claims)
    return tuple(pods)


Claims = Mapping[tuple[str, str], Json]


def _key(manifest: Json) -> tuple[str, str]:
    return manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


def _deployment(manifest: Json, claims: Claims) -> Iterator[Pod]:
    name = manifest["metadata"]["name"]
    for number in range(manifest["spec"].get("replicas", 1)):
        yield _pod(f"{name}-{number}", manifest, manifest["spec"]["template"], claims, {"pod-template-hash": name})


def _leader_worker_set(manifest: Json, claims: Claims) -> Iterator[Pod]:
    name, spec = manifest["metadata"]["name"], manifest["spec"]
    template = spec["leaderWorkerTemplate"]
    workers = template["workerTemplate"]
    for group in range(spec.get("replicas", 1)):
        for index in range(template["size"]):
            part = workers if index else template.get("leaderTemplate", workers)
            labels = {GROUP_INDEX: str(group), WORKER_INDEX_LABEL: str(index), GROUP_KEY: f"{name}-{group}"}
            yield _bound(_pod(f"{name}-{group}-{index}", manifest, part, claims, labels), manifest)


def _bound(pod: Pod, manifest: Json) -> Pod:
    """With the affinity that the annotation gives, if it is there. Workers get their leader's domain as a selector,
    once it has one; beside their leader is the same."""
    key = manifest["metadata"].get("annotations", {}).get(EXCLUSIVE_TOPOLOGY)
    if key is None:
        return pod
    own: Json = {"key": GROUP_KEY, "operator": "In", "values": [pod.labels[GROUP_KEY]]}
    others = [{"key": GROUP_KEY, "operator": "Exists"}, {**own, "operator": "NotIn"}]
    affinity = _with_term(pod.spec.get("affinity", {}), "podAffinity", key, [own])
    if pod.labels[WORKER_INDEX_LABEL] == "0":
        affinity = _with_term(affinity, "podAntiAffinity", key, others)
    return replace(pod, spec={**pod.spec, "affinity": affinity})


def _with_term(affinity: Json, kind: str, key: str, expressions: Sequence[Json]) -> Json:
    required = "requiredDuringSchedulingIgnoredDuringExecution"
    terms: Json = affinity.get(kind, {})
    term = {"topologyKey": key, "labelSelector": {"matchExpressions": [*expressions]}}
    return {**affinity, kind: {**terms, required: [*terms.get(required, ()), term]}}


def _ray_service(manifest: Json, claims: Claims) -> Iterator[Pod]:
    """KubeRay gives workers a container that waits for the head first, which asks for less than the others."""
    name, cluster = manifest["metadata"]["name"], manifest["spec"]["rayClusterConfig"]
    yield _pod(f"{name}-head", manifest, cluster["headGroupSpec"]["template"], claims, {})
    for group in cluster["workerGroupSpecs"]:
        for number in range(group["replicas"]):
            yield _pod(f"{name}-{group['groupName']}-{number}", manifest, group["template"], claims, {})


def _job(manifest: Json, claims: Claims) -> Iterator[Pod]:
    for number in range(manifest["spec"].get("parallelism", 1)):
        yield _pod(f"{manifest['metadata']['name']}-{number}", manifest, manifest["spec"]["template"], claims, {})


def _inference_service(manifest: Json, claims: Claims) -> Iterator[Pod]:
    """As many as KServe starts with; its own fields beside the PodSpec are no part of a pod."""
    name, predictor = manifest["metadata"]["name"], manifest["spec"]["predictor"]
    described = {"labels": predictor.get("labels", {})}
    template = {"metadata": described, "spec": {k: v for k, v in predictor.items() if k not in _PREDICTOR_FIELDS}}
    for number in range(predictor.get("minReplicas", 1)):
        yield _pod(f"{name}-predictor-{number}", manifest, template, claims, {"pod-template-hash": name})


def _llm_inference_service(manifest: Json, claims: Claims) -> Iterator[Pod]:
    """Those of the LeaderWorkerSet that KServe makes where its preset says nothing."""
    name, spec = manifest["metadata"]["name"], manifest["spec"]
    described = {"labels": {"app.kubernetes.io/name": name, **spec.get("labels", {})}}
    parts = {part: {"metadata": described, "spec": spec[part]} for part in ("template", "worker") if part in spec}
    leaders = {"leaderTemplate": parts["template"]} if "template" in parts else {}
    group = {"size": spec["parallelism"]["pipeline"], "workerTemplate": parts["worker"], **leaders}
    replicas = {"replicas": spec["replicas"]} if "replicas" in spec else {}
    metadata = {**manifest["metadata"], "name": kserve_group_name(name)}
    yield from _leader_worker_set({"metadata": metadata, "spec": {**replicas, "leaderWorkerTemplate": group}}, claims)


def _job_set(manifest: Json, claims: Claims) -> Iterator[Pod]:
    for group in manifest["spec"]["replicatedJobs"]:
        for number in range(group.get("replicas", 1)):
            name = f"{manifest['metadata']['name']}-{group['name']}-{number}"
            job = {"metadata": {**manifest["metadata"], "name": name}, "spec": group["template"]["spec"]}
            yield from _job(job, claims)


def _pod(name: str, manifest: Json, template: Json, claims: Claims, labels: Mapping[str, str]) -> Pod:
    namespace = manifest["metadata"]["namespace"]
    templates = [one["resourceClaimTemplateName"] for one in template["spec"].get("resourceClaims", ())]
    return Pod(
        name=name,
        namespace=namespace,
        labels={**template["metadata"].get("labels", {}), **labels},
        spec=template["spec"],
        claims=tuple(claims[namespace, one] for one in templates),
    )


_PREDICTOR_FIELDS = frozenset({"annotations", "deploymentStrategy", "labels", "maxReplicas", "minReplicas"})
"""Of a predictor, beside those of a PodSpec, as far as they are rendered here (serving.kserve.io/v1beta1, 0.20)."""

_EXPANSIONS: Mapping[str, Callable[[Json, Claims], Iterator[Pod]]] = {
    "Deployment": _deployment,
    "InferenceService": _inference_service,
    "Job": _job,
    "JobSet": _job_set,
    "LLMInferenceService": _llm_inference_service,
    "LeaderWorkerSet": _leader_worker_set,
    "RayService": _ray_service,
}
