"""batch/v1 Job: work that is done once for a model, and ends whatever happens."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.labels import metadata, platform_labels
from ai_on_eks.kube.objects.network_policy import to_dns, to_https, to_pod_identity_agent
from ai_on_eks.serving.ownership import COMPONENT_LABEL, INSTANCE_LABEL, NAME_LABEL
from ai_on_eks.serving.types import Json, ModelJob, Workload

JOB_LABEL = "ai-on-eks/job"
"""On the pods of jobs: what for. They do not carry the model's label, by which its Service finds those that serve."""


def model_job(workload: Workload, job: ModelJob) -> Json:
    """The Job. A pod that was evicted does not count as a failure, and one that says so ends the Job at once."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(workload, job.name),
        "spec": {
            "activeDeadlineSeconds": job.deadline_seconds,
            "backoffLimit": job.retries,
            "podFailurePolicy": {
                "rules": [
                    {
                        "action": "FailJob",
                        "onExitCodes": {"operator": "In", "values": list(job.final_exit_codes)},
                    },
                    {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
                ]
            },
            "ttlSecondsAfterFinished": job.kept_seconds,
            "template": {"metadata": {"labels": _pod_labels(workload, job)}, "spec": job.pod_spec},
        },
    }


def program(platform: Platform, name: str, data: Mapping[str, str]) -> Json:
    """v1 ConfigMap of a program that jobs run. A running job's never changes: another program has another name."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": platform_metadata(platform, name),
        "immutable": True,
        "data": dict(data),
    }


def outgoing_policy(platform: Platform, name: str, purpose: str) -> Json:
    """networking.k8s.io/v1 NetworkPolicy of jobs: out to names, port 443 and credentials; nobody in."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": platform_metadata(platform, name),
        "spec": {
            "podSelector": {"matchLabels": {JOB_LABEL: purpose}},
            "policyTypes": ["Ingress", "Egress"],
            "egress": [to_dns(), to_https(), to_pod_identity_agent()],
        },
    }


def platform_metadata(platform: Platform, name: str) -> Json:
    """Metadata of an object that jobs of all models share."""
    return {"name": name, "namespace": platform.namespace, "labels": platform_labels(platform)}


def _pod_labels(workload: Workload, job: ModelJob) -> dict[str, str]:
    own = {NAME_LABEL: job.purpose, INSTANCE_LABEL: workload.name, COMPONENT_LABEL: "job", JOB_LABEL: job.purpose}
    return dict(sorted({**workload.labels, **own}.items()))
