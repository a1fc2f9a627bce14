"""What the jobs that compile programs share: what starts an engine, what they may talk to, their priority."""

from __future__ import annotations

from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.kube.objects.job import outgoing_policy, program
from ai_on_eks.kube.objects.labels import metadata, platform_labels
from ai_on_eks.kube.objects.service_account import service_account
from ai_on_eks.serving.compile_ahead import PRIORITY_CLASS, PROGRAM_FILE, PURPOSE, program_config_map, program_text
from ai_on_eks.serving.types import Json, Workload

PRIORITY = 1_000_000
"""Above every class of replicas, far below those of the system (2,000,000,000)."""


def compile_account(workload: Workload, name: str) -> Json:
    """v1 ServiceAccount: the one that may write what the model's replicas load (by Pod Identity)."""
    return service_account(metadata(workload, name))


def compile_program(platform: Platform) -> Json:
    """What starts the engine and stops it at its first answer."""
    return program(platform, program_config_map(), {PROGRAM_FILE: program_text()})


def compile_policy(platform: Platform) -> Json:
    """The same as for every job that works alone."""
    return outgoing_policy(platform, PURPOSE, PURPOSE)


def compile_priority(platform: Platform) -> Json:
    """scheduling.k8s.io/v1 PriorityClass: replicas that wait for their programs give way to what makes them."""
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": PRIORITY_CLASS, "labels": platform_labels(platform)},
        "description": "Jobs that compile the programs that replicas wait for",
        "globalDefault": False,
        "preemptionPolicy": "PreemptLowerPriority",
        "value": PRIORITY,
    }
