"""Planted faults in Jobs, sets of them and queues."""

from __future__ import annotations

from typing import Any

import review_samples as samples
from review_fault_objects import pods_of
from review_faults import GONE, Fault, in_object
from review_jobs import jobs
from review_sample import Sample


def in_jobs(code: str, kind: str, path: str, *values: Any) -> list[Fault]:
    return in_object(code, kind, path, *values, sample=jobs)


def without_adapters(good: Sample) -> None:
    for pod in pods_of(good.object("JobSet")):
        for container in pod["containers"]:
            for kind in ("requests", "limits"):
                for name in ("vpc.amazonaws.com/efa", "hugepages-2Mi"):
                    container["resources"][kind].pop(name)


SET_JOB = "spec.replicatedJobs.0.template.spec"
FAULTS = [
    *in_jobs("job-without-deadline", "JobSet", f"{SET_JOB}.activeDeadlineSeconds", GONE),
    *in_object("job-without-deadline", "Job", "spec.activeDeadlineSeconds", GONE, sample=samples.groups),
    *in_object(
        "job-without-deadline", "CronJob", "spec.jobTemplate.spec.activeDeadlineSeconds", GONE, sample=samples.groups
    ),
    *in_jobs("job-kept", "JobSet", "spec.ttlSecondsAfterFinished", GONE),
    *in_object("job-kept", "Job", "spec.ttlSecondsAfterFinished", GONE, sample=samples.groups),
    *in_jobs("job-failure-policy", "JobSet", f"{SET_JOB}.template.spec.restartPolicy", "OnFailure", GONE),
    Fault(
        "jobset-unqueued",
        "no label",
        jobs,
        lambda good: good.object("JobSet")["metadata"]["labels"].pop("kueue.x-k8s.io/queue-name"),
    ),
    *in_jobs("jobset-unqueued", "LocalQueue", "metadata.name", "another"),
    *in_jobs("jobset-unqueued", "LocalQueue", "metadata.namespace", "elsewhere"),
    *in_jobs("jobset-never-admitted", "JobSet", f"{SET_JOB}.parallelism", 64),
    *in_jobs("jobset-never-admitted", "ClusterQueue", "spec.resourceGroups.0.coveredResources.0", "pods"),
    *in_jobs("jobset-never-admitted", "ClusterQueue", "spec.resourceGroups.0.flavors.0.resources.0.nominalQuota", "1"),
    Fault("jobset-no-efa", "no adapters", jobs, without_adapters),
]
