"""jobset.x-k8s.io/v1alpha2 JobSet of a fine-tuning job, what its pods need, and Kueue's queue for all jobs.

Kueue holds a job back until its nodes' worth of quota is free, so that two jobs never wait for each other with half of
their nodes each. The quota of a pool of nodes is what its largest job asks for: its jobs run one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ai_on_eks.catalog.taints import CAPACITY_LABEL
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.job import JOB_LABEL
from ai_on_eks.kube.objects.job_volumes import job_claim, job_volume
from ai_on_eks.kube.objects.labels import NAMESPACE_NAME_LABEL, platform_labels
from ai_on_eks.kube.objects.network_policy import to_dns, to_https, to_pod_identity_agent
from ai_on_eks.kube.objects.service_account import service_account
from ai_on_eks.kube.quantity import format_quantity
from ai_on_eks.kube.scheduling import pod_requests
from ai_on_eks.serving.fine_tune import FINAL_EXIT_CODE, GROUP, KEPT_SECONDS, RESTARTS, FineTuneWorkload
from ai_on_eks.serving.pod import ZONE_LABEL
from ai_on_eks.serving.storage import UNKNOWN, StorageAddresses
from ai_on_eks.serving.types import Json

QUEUE = "fine-tuning"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
KUEUE_VERSION = "kueue.x-k8s.io/v1beta2"
PURPOSE = "fine-tune"
FINE_TUNE_LABEL = "ai-on-eks/fine-tune"
"""On the pods: of which job."""
JOBSET_NAME_LABEL = "jobset.sigs.k8s.io/jobset-name"
"""On every pod of a set, given by its controller."""


def job_set(workload: FineTuneWorkload) -> Json:
    """The whole group starts anew when one of its pods fails: the others hold parts of a model that nobody can use.
    Nothing is tried again after the deadline, nor where the program says that it is no use."""
    return {
        "apiVersion": "jobset.x-k8s.io/v1alpha2",
        "kind": "JobSet",
        "metadata": _metadata(workload, workload.name, {QUEUE_LABEL: QUEUE}),
        "spec": {
            "network": {"enableDNSHostnames": True, "publishNotReadyAddresses": True},
            "failurePolicy": {
                "maxRestarts": RESTARTS,
                "rules": [
                    {
                        "name": "noUse",
                        "action": "FailJobSet",
                        "onJobFailureReasons": ["DeadlineExceeded", "PodFailurePolicy"],
                    }
                ],
            },
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "replicatedJobs": [{"name": GROUP, "replicas": 1, "template": {"spec": _job(workload)}}],
        },
    }


def _job(workload: FineTuneWorkload) -> Json:
    return {
        "parallelism": workload.nodes,
        "completions": workload.nodes,
        "completionMode": "Indexed",
        "backoffLimit": 0,
        "activeDeadlineSeconds": workload.deadline_seconds,
        "podFailurePolicy": {
            "rules": [
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": [FINAL_EXIT_CODE]}},
            ]
        },
        "template": {"metadata": {"labels": _pod_labels(workload)}, "spec": _spec(workload)},
    }


def _spec(workload: FineTuneWorkload) -> Json:
    """Pods that exchange lie in one zone, which EFA does not leave."""
    if workload.nodes == 1:
        return workload.pod_spec
    near = {
        "topologyKey": ZONE_LABEL,
        "labelSelector": {"matchLabels": {FINE_TUNE_LABEL: workload.name}},
    }
    affinity = {
        **workload.pod_spec["affinity"],
        "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [near]},
    }
    return {**workload.pod_spec, "affinity": affinity}


def fine_tune_manifests(workload: FineTuneWorkload, addresses: StorageAddresses = UNKNOWN) -> dict[str, Json]:
    """Every object of one job by construct id. Volumes whose file system's address is not known are left out, and the
    pods wait for them."""
    account = service_account(_metadata(workload, workload.service_account))
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(workload, workload.config_map_name),
        "data": dict(workload.config_map),
    }
    return {
        "ServiceAccount": account,
        "ConfigMap": config_map,
        **_volumes(workload, addresses),
        "NetworkPolicy": _policy(workload),
        "Resource": job_set(workload),
    }


def _volumes(workload: FineTuneWorkload, addresses: StorageAddresses) -> dict[str, Json]:
    objects: dict[str, Json] = {}
    for claim in workload.claims:
        metadata = _metadata(workload, claim.name)
        if addresses.fsx is not None:
            objects[f"Volume-{claim.name}"] = job_volume(claim, workload.namespace, metadata["labels"], addresses.fsx)
        objects[f"Claim-{claim.name}"] = job_claim(claim, workload.namespace, metadata)
    return objects


def queue_manifests(platform: Platform, workloads: Sequence[FineTuneWorkload]) -> dict[str, Json]:
    """Kueue's objects for all jobs, empty without one."""
    if not workloads:
        return {}
    pools = sorted({one.pool for one in workloads})
    manifests: dict[str, Json] = {f"Flavor-{pool}": _flavor(platform, pool) for pool in pools}
    manifests["ClusterQueue"] = _cluster_queue(platform, workloads, pools)
    manifests["LocalQueue"] = {
        "apiVersion": KUEUE_VERSION,
        "kind": "LocalQueue",
        "metadata": {"name": QUEUE, "namespace": platform.namespace, "labels": platform_labels(platform)},
        "spec": {"clusterQueue": _queue_name(platform)},
    }
    return manifests


def _flavor(platform: Platform, pool: str) -> Json:
    return {
        "apiVersion": KUEUE_VERSION,
        "kind": "ResourceFlavor",
        "metadata": {"name": pool, "labels": platform_labels(platform)},
        "spec": {"nodeLabels": {CAPACITY_LABEL: pool}},
    }


def _cluster_queue(platform: Platform, workloads: Sequence[FineTuneWorkload], pools: Sequence[str]) -> Json:
    asked = {pool: _asked([one for one in workloads if one.pool == pool]) for pool in pools}
    resources = sorted({resource for one in asked.values() for resource in one})
    flavors = [
        {
            "name": pool,
            "resources": [
                {"name": resource, "nominalQuota": format_quantity(asked[pool].get(resource, Fraction(0)))}
                for resource in resources
            ],
        }
        for pool in pools
    ]
    return {
        "apiVersion": KUEUE_VERSION,
        "kind": "ClusterQueue",
        "metadata": {"name": _queue_name(platform), "labels": platform_labels(platform)},
        "spec": {
            "namespaceSelector": {"matchLabels": {NAMESPACE_NAME_LABEL: platform.namespace}},
            "queueingStrategy": "BestEffortFIFO",
            "resourceGroups": [{"coveredResources": resources, "flavors": flavors}],
        },
    }


def _asked(workloads: Sequence[FineTuneWorkload]) -> dict[str, Fraction]:
    """Of all nodes of the job that asks for most, resource by resource."""
    most: dict[str, Fraction] = {}
    for one in workloads:
        for name, amount in pod_requests(one.pod_spec).items():
            most[name] = max(most.get(name, Fraction(0)), one.nodes * amount)
    return most


def _queue_name(platform: Platform) -> str:
    """Queues of the cluster have no namespace."""
    return f"{platform.name}-{QUEUE}"


def _policy(workload: FineTuneWorkload) -> Json:
    """Between its pods everything, since processes choose their ports as they start; out to the bucket; nobody in."""
    group = {"podSelector": {"matchLabels": {FINE_TUNE_LABEL: workload.name}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _metadata(workload, workload.name),
        "spec": {
            "podSelector": {"matchLabels": {FINE_TUNE_LABEL: workload.name}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [group]}],
            "egress": [{"to": [group]}, to_dns(), to_https(), to_pod_identity_agent()],
        },
    }


def _pod_labels(workload: FineTuneWorkload) -> dict[str, str]:
    return dict(sorted({**workload.labels, FINE_TUNE_LABEL: workload.name, JOB_LABEL: PURPOSE}.items()))


def _metadata(workload: FineTuneWorkload, name: str, more: dict[str, str] | None = None) -> Json:
    return {
        "name": name,
        "namespace": workload.namespace,
        "labels": dict(sorted({**workload.labels, FINE_TUNE_LABEL: workload.name, **(more or {})}.items())),
    }
