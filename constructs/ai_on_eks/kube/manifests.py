"""Which objects a model and the platform consist of, in the order they are applied: what a pod needs comes before it.

The keys are construct ids and a contract: renaming one replaces the object in people's clusters. The primary object is
`Resource`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_monitoring import MonitoringKind
from ai_on_eks.descriptors.schema import Shape
from ai_on_eks.kube.objects.compile_ahead import compile_account, compile_policy, compile_priority, compile_program
from ai_on_eks.kube.objects.config_map import config_map, model_store
from ai_on_eks.kube.objects.deployment import deployment
from ai_on_eks.kube.objects.gateway import gateway_manifests
from ai_on_eks.kube.objects.horizontal_pod_autoscaler import horizontal_pod_autoscaler
from ai_on_eks.kube.objects.inference_service import inference_service
from ai_on_eks.kube.objects.job import model_job
from ai_on_eks.kube.objects.labels import metadata, platform_labels
from ai_on_eks.kube.objects.leader_worker_set import leader_worker_set
from ai_on_eks.kube.objects.llm_inference_service import llm_inference_service, own_preset
from ai_on_eks.kube.objects.monitoring import dashboard_config_map, prometheus_rule
from ai_on_eks.kube.objects.namespace import namespace
from ai_on_eks.kube.objects.network_policy import default_deny, group_policy, model_policy
from ai_on_eks.kube.objects.neuron_monitor import neuron_monitor, neuron_pod_monitor
from ai_on_eks.kube.objects.persistent_volume import persistent_volume, persistent_volume_claim
from ai_on_eks.kube.objects.pod_disruption_budget import pod_disruption_budget
from ai_on_eks.kube.objects.pod_monitor import pod_monitor
from ai_on_eks.kube.objects.priority_class import priority_class
from ai_on_eks.kube.objects.ray_service import ray_service
from ai_on_eks.kube.objects.resource_claim_template import resource_claim_template
from ai_on_eks.kube.objects.scaled_object import scaled_object, trigger_authentication
from ai_on_eks.kube.objects.service import service
from ai_on_eks.kube.objects.service_account import service_account
from ai_on_eks.kube.objects.storage_class import volume_class
from ai_on_eks.kube.objects.vector_policies import vector_deny, vector_policy
from ai_on_eks.kube.objects.weight_sync import hub_token_class, sync_account, sync_policy, sync_program
from ai_on_eks.kube.traffic import traffic_manifests
from ai_on_eks.serving.monitoring.names import VOLUME_CLASS
from ai_on_eks.serving.storage import UNKNOWN, StorageAddresses
from ai_on_eks.serving.types import Autoscaling, Json, Workload
from ai_on_eks.serving.vectors import VECTOR_CLASS


def model_manifests(
    workload: Workload, addresses: StorageAddresses = UNKNOWN, *, monitored: bool = False
) -> dict[str, Json]:
    """Every object of one model by construct id. `monitored` where a collector looks for its metrics.

    A volume whose file system is not known yet is left out: its claim waits for it. So is an autoscaler that would ask
    what is not known yet.
    """
    manifests = {"ServiceAccount": service_account(metadata(workload, workload.service_account))}
    for name in sorted(workload.config_maps):
        manifests[f"ConfigMap-{name}"] = config_map(workload, name, workload.config_maps[name])
    manifests |= _volume(workload, addresses)
    if workload.programs is not None:
        manifests["CompileAccount"] = compile_account(workload, workload.programs.account)
    for job in workload.jobs:
        manifests[f"Job-{job.name}"] = model_job(workload, job)
    manifests["NetworkPolicy"] = model_policy(workload)
    if workload.group is not None:
        manifests["GroupNetworkPolicy"] = group_policy(workload)
    manifests["Service"] = service(workload)
    claim = resource_claim_template(workload)
    if claim is not None:
        manifests["ResourceClaimTemplate"] = claim
    manifests["Resource"] = _pods(workload)
    budget = pod_disruption_budget(workload)
    if budget is not None:
        manifests["PodDisruptionBudget"] = budget
    if monitored:
        manifests["PodMonitor"] = pod_monitor(workload)
    if workload.autoscaling is not None:
        manifests |= _autoscaler(workload, workload.autoscaling, addresses)
    if workload.traffic is not None:
        manifests |= traffic_manifests(workload, workload.traffic, monitored=monitored)
    return manifests


def _volume(workload: Workload, addresses: StorageAddresses) -> dict[str, Json]:
    if workload.claim is None:
        return {}
    volume = persistent_volume(workload, workload.claim, addresses)
    known = {} if volume is None else {"PersistentVolume": volume}
    return {**known, "PersistentVolumeClaim": persistent_volume_claim(workload, workload.claim)}


def _autoscaler(workload: Workload, autoscaling: Autoscaling, addresses: StorageAddresses) -> dict[str, Json]:
    """Left out where the workspace that knows the load has not been made yet."""
    if not autoscaling.by_metrics:
        return {"HorizontalPodAutoscaler": horizontal_pod_autoscaler(workload, autoscaling)}
    address = autoscaling.address or addresses.metrics
    if address is None:
        return {}
    authentication: dict[str, Json] = {}
    if autoscaling.region is not None:
        authentication = {"TriggerAuthentication": trigger_authentication(workload)}
    return {**authentication, "ScaledObject": scaled_object(workload, autoscaling, address)}


def _pods(workload: Workload) -> Json:
    if workload.shape is Shape.INFERENCE_SERVICE:
        return inference_service(workload)
    if workload.shape is Shape.LLM_INFERENCE_SERVICE:
        return llm_inference_service(workload)
    if workload.ray is not None and workload.group is not None:
        return ray_service(workload, workload.ray, workload.group)
    return deployment(workload) if workload.group is None else leader_worker_set(workload, workload.group)


def node_manifests(platform: Platform, objects: Mapping[str, Json]) -> dict[str, Json]:
    """The objects by construct id, as the platform's own."""
    return {
        key: {**manifest, "metadata": {**manifest["metadata"], "labels": platform_labels(platform)}}
        for key, manifest in objects.items()
    }


def platform_manifests(
    platform: Platform, model_bucket: str | None, priorities: Iterable[int] = (), shapes: Iterable[Shape] = ()
) -> dict[str, Json]:
    """Every object that all models share by construct id. Without a bucket there is no ConfigMap that names it.

    `priorities` are the shares of a node that models' pods have a priority class for, `shapes` those that models have.
    """
    manifests = {
        "Resource": namespace(platform),
        "DefaultDeny": default_deny(platform),
        **gateway_manifests(platform),
    }
    if model_bucket is not None:
        manifests["ModelStore"] = model_store(platform, model_bucket)
    manifests |= _sync_manifests(platform) | _compile_manifests(platform) | _vector_manifests(platform)
    for share in sorted(set(priorities)):
        manifests[f"PriorityClass-{share}"] = priority_class(platform, share)
    if Shape.LLM_INFERENCE_SERVICE in set(shapes):
        manifests["KservePreset"] = own_preset(platform)
    return manifests


def _sync_manifests(platform: Platform) -> dict[str, Json]:
    """What the jobs that copy weights find there; empty without them."""
    sync, account = platform.model_store.sync, platform.model_store.writing_account
    if sync is None or account is None:
        return {}
    token = {} if sync.hub_token is None else {"HubToken": hub_token_class(platform, sync.hub_token)}
    return {
        "SyncAccount": sync_account(platform, account),
        "SyncProgram": sync_program(platform),
        "SyncPolicy": sync_policy(platform),
        **token,
    }


def _compile_manifests(platform: Platform) -> dict[str, Json]:
    """What the jobs that compile programs find there; empty without them."""
    if not (platform.model_store.compile_ahead or platform.model_store.torch_compile_ahead):
        return {}
    return {
        "CompileProgram": compile_program(platform),
        "CompilePolicy": compile_policy(platform),
        "CompilePriority": compile_priority(platform),
    }


def _vector_manifests(platform: Platform) -> dict[str, Json]:
    """Volumes and walls of the vector database, which a chart makes; empty without one."""
    if platform.vector_database is None:
        return {}
    return {
        "VectorClass": volume_class(platform, VECTOR_CLASS),
        "VectorDeny": vector_deny(platform),
        "VectorPolicy": vector_policy(platform),
    }


def monitoring_manifests(platform: Platform, workloads: Sequence[Workload]) -> dict[str, Json]:
    """What is collected beside the models, and what the cluster's own Prometheus and Grafana read; empty where nothing
    is collected."""
    if not platform.monitoring.is_on:
        return {}
    ordered = sorted(workloads, key=lambda workload: workload.name)
    manifests: dict[str, Json] = {}
    if platform.monitoring.kind is MonitoringKind.IN_CLUSTER:
        manifests["VolumeClass"] = volume_class(platform, VOLUME_CLASS)
        manifests["Resource"] = prometheus_rule(platform, ordered)
        manifests["Dashboard"] = dashboard_config_map(platform, ordered)
    monitor = neuron_monitor(platform, ordered)
    if monitor is not None:
        manifests["NeuronMonitor"] = monitor
        manifests["NeuronPodMonitor"] = neuron_pod_monitor(platform)
    return manifests


def priorities_of(workloads: Iterable[Workload]) -> tuple[int, ...]:
    """The shares that a priority class is needed for, smallest first."""
    return tuple(sorted({workload.priority for workload in workloads if workload.priority is not None}))


def shapes_of(workloads: Iterable[Workload]) -> tuple[Shape, ...]:
    """The shapes that were asked for, by name."""
    return tuple(sorted({workload.shape for workload in workloads if workload.shape is not None}))
