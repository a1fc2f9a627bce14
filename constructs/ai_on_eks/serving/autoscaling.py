"""Between how many replicas a model may run, and what tells how many are needed.

    least, most  = the range that the plan gives
    demand       = requests running + waiting                      target: sequences of a replica at the planned load
    waiting      = requests waiting, where running ones are not told                              target: the same
    finished     = requests answered per second, there as well      target: items per second of a replica, estimated
    cache        = share of the KV cache in use, of the fullest replica                        target: CACHE_SHARE
    held         = requests that the router holds, of a model that may sleep                                target: 1
    first token  = its time, of nineteen in twenty requests         target: the descriptor's, where it has one

The planned load gives exactly the planned replicas: the target of `demand` is the number they were planned with. It
counts running requests too, since a queue alone is empty until it is too late, and empty again after each new replica.

`finished` keeps the replicas of engines that tell of their queue only: a load that is served without waiting would look
like none. A request may hold several items, so it never asks for too many; the queue asks for the rest.

How busy an accelerator is says nothing: with one sequence or a full batch it is at 100 %. A processor's use follows the
load, so models on processors are scaled by it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from ai_on_eks.catalog.endpoint_picker import endpoint_picker
from ai_on_eks.catalog.engine_metrics import EngineMetrics, engine_metrics
from ai_on_eks.descriptors.platform import CapacityStrategy, Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import Problem
from ai_on_eks.performance.readiness import Readiness
from ai_on_eks.placement.ranking import autoscaling_range
from ai_on_eks.placement.types import Placement
from ai_on_eks.serving.monitoring import signals
from ai_on_eks.serving.monitoring.names import MODEL
from ai_on_eks.serving.monitoring.queries import query_address, query_region
from ai_on_eks.serving.types import Autoscaling, LoadSignal

CACHE_SHARE = 0.85
"""Assumption: below the alarm's 0.95, from which on running requests are preempted, by as much as fills up while a
replica starts."""


def replica_range(descriptor: Descriptor, placement: Placement) -> tuple[int, int]:
    """The fewest and the most replicas of the model, by its plan."""
    serving = descriptor.serving
    return autoscaling_range(placement, serving.replicas_without_load, serving.maximum_replicas)


def most_replicas(descriptor: Descriptor, platform: Platform, placement: Placement) -> int:
    """That may run at once on this platform."""
    return replica_range(descriptor, placement)[1] if platform.autoscaling.is_on else placement.replicas


def autoscaling(
    descriptor: Descriptor, platform: Platform, placement: Placement, start: Readiness
) -> Autoscaling | None:
    """Who changes the number of replicas; None where it is fixed, or nothing tells of the load."""
    least, most = replica_range(descriptor, placement)
    if not platform.autoscaling.is_on or least == most:
        return None
    found = Autoscaling(least=least, most=most, planned=placement.replicas, ready_seconds=start.total_seconds)
    if not placement.accelerators_per_replica:
        return found
    told = (*load_signals(descriptor, platform.namespace, placement), *_held(descriptor, platform))
    if not told:
        return None
    return replace(found, signals=told, address=query_address(platform), region=query_region(platform))


def load_signals(descriptor: Descriptor, namespace: str, placement: Placement) -> Iterator[LoadSignal]:
    """Everything that the engine tells of the load; a load that is only half known is not scaled by."""
    metrics = engine_metrics(placement.engine.name)
    where = signals.selector(namespace, [descriptor.name])
    waiting, running = signals.waiting(metrics, where), signals.running(metrics, where)
    if waiting is None:
        return
    target = float(placement.sequences_per_replica)
    if running is not None:
        yield LoadSignal("demand", f"{running} + {waiting}", target, is_divided=True)
    else:
        yield LoadSignal("waiting", waiting, target, is_divided=True)
        yield from _finished(metrics, where, placement)
    cache = signals.cache_share(metrics, where)
    if cache is not None:
        yield LoadSignal("cache", cache, CACHE_SHARE, is_divided=False)
    first_token = signals.first_token_s(metrics, where)
    ttft_ms = descriptor.serving.targets.ttft_ms
    if first_token is not None and ttft_ms is not None:
        # A quantile of no requests is no number, which would read as an error.
        yield LoadSignal("first-token", f"({first_token} > 0) or on () vector(0)", ttft_ms / 1000, is_divided=False)


def _held(descriptor: Descriptor, platform: Platform) -> Iterator[LoadSignal]:
    """Requests that the router holds: the only sign of one while no replica runs."""
    if descriptor.serving.scale_to_zero:
        where = signals.selector(platform.namespace, [descriptor.name])
        query = f"sum by ({MODEL}) ({endpoint_picker().queue_metric}{where})"
        yield LoadSignal("held", query, 1.0, is_divided=True)


def _finished(metrics: EngineMetrics, where: str, placement: Placement) -> Iterator[LoadSignal]:
    finished, rate = signals.finished_per_s(metrics, where), placement.estimates.items_per_s
    if finished is not None and rate:
        yield LoadSignal("finished", finished, round(rate, 3), is_divided=True)


def autoscaling_problems(descriptor: Descriptor, platform: Platform, placement: Placement) -> Iterator[Problem]:
    """What the platform lacks to change the number of this model's replicas."""
    least, most = replica_range(descriptor, placement)
    if not platform.autoscaling.is_on or least == most:
        return
    name = descriptor.name
    if placement.accelerators_per_replica and not platform.monitoring.is_on:
        yield Problem(
            "autoscaling-without-metrics",
            f"{name} is to be scaled by what its engine tells, and nothing collects that: monitoring.kind is none",
            path="serving.maximum_replicas",
            value=most,
            fix="set monitoring.kind: in-cluster or managed in the platform file, or autoscaling.kind: none",
        )
    if not placement.accelerators_per_replica and not platform.cluster.add_ons.metrics_server:
        yield Problem(
            "autoscaling-without-metrics",
            f"{name} is to be scaled by its use of processors, and nothing measures that in the cluster",
            path="serving.maximum_replicas",
            value=most,
            fix="set cluster.add_ons.metrics_server: true in the platform file, or autoscaling.kind: none",
        )
    if most > placement.replicas and platform.capacity.strategies == (CapacityStrategy.MANAGED_NODE_GROUPS,):
        yield Problem(
            "autoscaling-without-nodes",
            f"managed node groups have nodes for the {placement.replicas} planned replicas of {name} and no more",
            path="serving.maximum_replicas",
            value=most,
            fix=f"set it to {placement.replicas}, or capacity.strategy: karpenter or auto-mode in the platform file",
        )


def autoscaling_warnings(descriptor: Descriptor, platform: Platform, placement: Placement) -> tuple[str, ...]:
    """That a range is not used."""
    least, most = replica_range(descriptor, placement)
    if not platform.autoscaling.is_on or least == most or not placement.accelerators_per_replica:
        return ()
    if any(load_signals(descriptor, platform.namespace, placement)):
        return ()
    return (
        f"{descriptor.name} stays at {placement.replicas} replicas: {placement.engine.title} tells nothing of its load",
    )
