"""How long an engine takes to its first answer, and how long the kubelet waits for it.

    failureThreshold = ⌈margin × seconds from the container's start ÷ period⌉

The seconds are `performance.readiness`. Pulling the image and copying weights in an init container come before the
container starts: the startup probe does not run yet, so they are not in its budget; the rollout's deadline covers them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from ai_on_eks.catalog.engine_start import engine_start
from ai_on_eks.descriptors.schema import Storage
from ai_on_eks.performance.readiness import IMAGE_BYTES_PER_SECOND, Readiness, WeightSource, time_to_ready
from ai_on_eks.serving.replica import Replica

PERIOD_SECONDS = 10
"""Time between two startup probes: how much later than necessary a ready engine is noticed."""

MARGIN = 3.0
"""Assumption: three times the estimate. Too small kills an engine that is still loading, over and over; too large only
delays the restart of one that hangs, which is rare."""


SOURCES: Mapping[Storage, WeightSource] = {
    Storage.S3: WeightSource.S3,
    Storage.FSX: WeightSource.FSX,
    Storage.EFS: WeightSource.EFS,
    Storage.NODE: WeightSource.HUB,
}
"""Descriptor's word to what the weights are read from; with `node` the engine downloads them first."""


def readiness(
    replica: Replica, *, is_staged: bool = False, joining_seconds: float = 0.0, programs: int = 1
) -> Readiness:
    """From the start of a new node to the first answer of a replica, with what its engine takes, and what it waits for
    others that join it. `programs` are compiled one after the other."""
    placement = replica.placement
    start = engine_start(placement.engine.name)
    compiled = start.compiled_warm_up_seconds if replica.is_compiled_ahead else None
    return time_to_ready(
        placement.instance_type,
        image_bytes=replica.image.size_bytes,
        weights_bytes=placement.memory.weights_bytes,
        source=SOURCES[replica.descriptor.storage],
        source_bytes_per_second=None if replica.claim is None else replica.claim.bytes_per_second,
        is_staged=is_staged,
        replicas_per_node=placement.replicas_per_node,
        process_seconds=start.process_seconds + joining_seconds,
        warm_up_seconds=programs * (start.warm_up_seconds if compiled is None else compiled),
    )


def image_seconds(replica: Replica) -> float:
    """Pulling and unpacking the engine's image."""
    return replica.image.size_bytes / IMAGE_BYTES_PER_SECOND


def failure_threshold(start_seconds: float) -> int:
    """Failed startup probes after which the kubelet gives up."""
    return max(1, ceil(MARGIN * start_seconds / PERIOD_SECONDS))
