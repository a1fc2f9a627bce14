"""How long a pod may take to become ready, read from its own probes.

    startup budget    = Σ over sidecars + max over containers of: initialDelay + period × failureThreshold
    progress deadline = startup budget + 600 s

Sidecars (init containers that keep running) start one after the other, containers start together. Without a startup
probe a container counts as started at once. 600 s is what Kubernetes itself grants a rollout by default
(progressDeadlineSeconds, kubernetes.io API reference apps/v1, 2026-11); here it stands for what no probe measures:
scheduling, attaching volumes, pulling the image and init containers that end. It omits the launch of a node, because
node groups are there before the pods, and long copies of weights: ten minutes at a gp3 volume's 125 MiB/s are 73 GiB.
Past the deadline a rollout is only reported as failed; nothing is killed.
"""

from __future__ import annotations

from ai_on_eks.serving.types import Json

DEFAULT_PROGRESS_DEADLINE_SECONDS = 600
"""Kubernetes' default of Deployment.spec.progressDeadlineSeconds, seconds (apps/v1 API reference, 2026-11)."""

_DEFAULT_PERIOD_SECONDS = 10
"""Kubernetes' default of Probe.periodSeconds, seconds (core/v1 API reference, 2026-11)."""

_DEFAULT_FAILURE_THRESHOLD = 3
"""Kubernetes' default of Probe.failureThreshold, count (core/v1 API reference, 2026-11)."""


def startup_budget_seconds(pod_spec: Json) -> int:
    """Longest time the kubelet waits for the pod to start before it kills a container."""
    sidecars = [item for item in pod_spec.get("initContainers", ()) if item.get("restartPolicy") == "Always"]
    return sum(map(_budget, sidecars)) + max(map(_budget, pod_spec["containers"]))


def progress_deadline_seconds(pod_spec: Json) -> int:
    """When a rollout without progress is reported as failed; never before the kubelet itself gives up."""
    return startup_budget_seconds(pod_spec) + DEFAULT_PROGRESS_DEADLINE_SECONDS


def _budget(container: Json) -> int:
    probe = container.get("startupProbe")
    if probe is None:
        return 0
    delay: int = probe.get("initialDelaySeconds", 0)
    period: int = probe.get("periodSeconds", _DEFAULT_PERIOD_SECONDS)
    threshold: int = probe.get("failureThreshold", _DEFAULT_FAILURE_THRESHOLD)
    return delay + period * threshold
