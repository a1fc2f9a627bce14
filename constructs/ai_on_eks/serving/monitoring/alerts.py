"""What wakes people, as Prometheus rule groups: the same for an Alertmanager in the cluster and for Amazon's.

An alarm is something a person can act on. How busy an accelerator is is none: a well-batched one is always at 100 %.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from ai_on_eks.catalog.device_metrics import device_metric
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.serving.monitoring import signals
from ai_on_eks.serving.monitoring.names import MODEL
from ai_on_eks.serving.types import Json, Workload

CACHE_FULL_SHARE = 0.95
"""Beyond this vLLM preempts running requests, which then start again (vLLM 0.33, optimization guide)."""

FAILED_SHARE = 0.05

NODE_AGE_DAYS = 90
"""Nodes keep the machine image they were started with. EKS publishes images with fixes at least monthly; three missed
are a habit."""

END_NOTICE_HOURS = 48
"""Before a reservation ends. Long enough to find other capacity on a working day, or to say that there is none."""

USD_PER_HOUR = "ai_on_eks:model_usd_per_hour"
"""Recorded series: what a model's part of its nodes costs on demand, at the price of the plan."""


class Alert(Struct, frozen=True):
    """One rule. `minutes` is how long the expression has to hold before anybody is told."""

    name: str
    expression: str
    minutes: int
    severity: str
    summary: str

    def to_rule(self) -> Json:
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": f"{self.minutes}m",
            "labels": {"severity": self.severity},
            "annotations": {"summary": self.summary},
        }


def rule_groups(platform: Platform, workloads: Sequence[Workload]) -> list[Json]:
    """All groups; a group without rules is left out."""
    groups = {
        "ai-on-eks-models": [alert.to_rule() for alert in _models(platform.namespace, workloads)],
        "ai-on-eks-pods": [alert.to_rule() for alert in _pods(platform.namespace)],
        "ai-on-eks-accelerators": [alert.to_rule() for alert in _accelerators()],
        "ai-on-eks-nodes": [alert.to_rule() for alert in (*_nodes(), *_reservations(platform))],
        "ai-on-eks-costs": list(_costs(workloads)),
    }
    return [{"name": name, "rules": rules} for name, rules in groups.items() if rules]


def _models(namespace: str, workloads: Sequence[Workload]) -> Iterator[Alert]:
    waiting = signals.of_models(signals.waiting, workloads)
    if waiting is not None:
        yield Alert(
            "ModelQueue",
            f"min_over_time(({waiting})[10m:1m]) > 0",
            1,
            "warning",
            f"requests of {{{{ $labels.{MODEL} }}}} have waited for ten minutes on end: more replicas are needed",
        )
    cache = signals.of_models(signals.cache_share, workloads)
    if cache is not None:
        yield Alert(
            "ModelCacheFull",
            f"({cache}) > {CACHE_FULL_SHARE}",
            10,
            "warning",
            f"the KV cache of {{{{ $labels.{MODEL} }}}} is full: requests are preempted and start again",
        )
    failed = signals.of_models(signals.failed_share, workloads)
    if failed is not None:
        yield Alert(
            "ModelErrors",
            f"({failed}) > {FAILED_SHARE}",
            10,
            "critical",
            f"more than one in twenty requests of {{{{ $labels.{MODEL} }}}} fail",
        )
    scaled = sorted(one.name for one in workloads if one.autoscaling is not None and one.autoscaling.least)
    if scaled:
        where = f'namespace="{namespace}", horizontalpodautoscaler=~"{"|".join(scaled)}", condition="ScalingActive"'
        yield Alert(
            "ModelScalingBlind",
            f'kube_horizontalpodautoscaler_status_condition{{{where}, status="false"}} == 1',
            15,
            "warning",
            "the number of replicas of {{ $labels.horizontalpodautoscaler }} stays as it is: nothing tells of its load",
        )
    if any(one.autoscaling is None or one.autoscaling.least for one in workloads):
        yield Alert(
            "ModelMetricsMissing",
            f'absent(up{{namespace="{namespace}"}} == 1)',
            15,
            "critical",
            "no model's metrics are collected: every other alarm about models is blind",
        )


def _pods(namespace: str) -> Iterator[Alert]:
    where = f'namespace="{namespace}"'
    yield Alert(
        "ModelPodPending",
        f'max by (pod) (kube_pod_status_phase{{{where}, phase="Pending"}}) > 0',
        20,
        "critical",
        "{{ $labels.pod }} finds no node: capacity is missing, or a node's device plugin does not answer",
    )
    yield Alert(
        "ModelRestarts",
        f"sum by (pod) (increase(kube_pod_container_status_restarts_total{{{where}}}[30m])) > 2",
        1,
        "critical",
        "{{ $labels.pod }} restarts again and again",
    )
    yield Alert(
        "ModelUnavailable",
        f"kube_deployment_status_replicas_available{{{where}}} < kube_deployment_spec_replicas{{{where}}}",
        30,
        "warning",
        "{{ $labels.deployment }} has fewer replicas ready than wanted",
    )
    # A LeaderWorkerSet is one set of leaders, and one of workers for each leader.
    yield Alert(
        "ModelGroupUnavailable",
        f"kube_statefulset_status_replicas_ready{{{where}}} < kube_statefulset_replicas{{{where}}}",
        30,
        "warning",
        "{{ $labels.statefulset }}, part of a model that spans nodes, has fewer pods ready than wanted",
    )


def _accelerators() -> Iterator[Alert]:
    xid, row_remap = device_metric("gpu_xid"), device_metric("gpu_row_remap_failed")
    memory, execution = device_metric("neuron_memory_errors"), device_metric("neuron_execution_errors")
    node = "{{ $labels.Hostname }}"
    yield Alert(
        "GpuXidError",
        f"max by ({xid.by_device}) ({xid.selector}) > 0",
        1,
        "critical",
        f"GPU {{{{ $labels.gpu }}}} of {node} reported XID {{{{ $value }}}} (docs.nvidia.com/deploy/xid-errors)",
    )
    yield Alert(
        "GpuRowRemapFailed",
        f"max by ({row_remap.by_device}) ({row_remap.selector}) > 0",
        1,
        "critical",
        f"GPU {{{{ $labels.gpu }}}} of {node} has memory that cannot be remapped any more: replace the node",
    )
    yield Alert(
        "NeuronMemoryError",
        f"sum by ({memory.by_device}) (increase({memory.selector}[10m])) > 0",
        1,
        "critical",
        "a Neuron device of {{ $labels.instance_id }} has uncorrected memory errors: replace the node",
    )
    yield Alert(
        "NeuronExecutionErrors",
        f"sum by ({execution.by_device}) (increase({execution.selector}[10m])) > 0",
        1,
        "critical",
        "Neuron devices of {{ $labels.instance_id }} fail in hardware",
    )


def _nodes() -> Iterator[Alert]:
    yield Alert(
        "NodeImageOld",
        f"max by (node) (time() - kube_node_created) > {NODE_AGE_DAYS} * 86400",
        60,
        "warning",
        f"{{{{ $labels.node }}}} runs a machine image of more than {NODE_AGE_DAYS} days: replace it",
    )


def _reservations(platform: Platform) -> Iterator[Alert]:
    """Capacity that ends takes its nodes along, whatever runs on them."""
    for reservation in platform.capacity.reservations:
        if reservation.ends is None:
            continue
        left = f"{int(datetime.fromisoformat(reservation.ends).timestamp())} - time()"
        name = "".join(part.capitalize() for part in reservation.id.split("-"))
        yield Alert(
            f"ReservationEnds{name}",
            f"vector({left}) < {END_NOTICE_HOURS} * 3600 and vector({left}) > 0",
            1,
            "critical",
            f"{reservation.count} × {reservation.instance_type} of {reservation.id} end at {reservation.ends}: move "
            "their models before",
        )


def _costs(workloads: Sequence[Workload]) -> Iterator[Json]:
    for workload in sorted(workloads, key=lambda one: one.name):
        if workload.usd_per_hour is not None:
            yield {
                "record": USD_PER_HOUR,
                "expr": f"vector({workload.usd_per_hour!r})",
                "labels": {MODEL: workload.name},
            }
