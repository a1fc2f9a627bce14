"""What all replicas together give of a load.

    total = min(replicas × sequences, concurrency) ÷ sequences × estimate of one replica at so many sequences

A replica without work gives nothing: what is in flight bounds what comes out (Little 1961: rate = number ÷ time).
"""

from __future__ import annotations

from dataclasses import dataclass

from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.requirements import Requirements


@dataclass(frozen=True, slots=True)
class Throughput:
    """A target that is set, and what is estimated for it; `total` is None where nothing can be estimated."""

    name: str
    wanted: float
    total: float | None


def wants_throughput(requirements: Requirements) -> bool:
    """Is any throughput asked for?"""
    targets = requirements.descriptor.serving.targets
    return targets.items_per_second is not None or targets.output_tokens_per_second is not None


def throughputs(
    requirements: Requirements, estimates: Estimates, *, replicas: int, sequences: int
) -> tuple[Throughput, ...]:
    """Every throughput target of the descriptor beside what so many replicas reach together."""
    targets = requirements.descriptor.serving.targets
    busy = min(replicas * sequences, requirements.load.concurrency) / sequences
    return tuple(
        Throughput(name, wanted, busy * estimated if estimated else None)
        for name, wanted, estimated in (
            ("items per second", targets.items_per_second, estimates.items_per_s),
            ("output tokens per second", targets.output_tokens_per_second, estimates.output_tokens_per_s),
        )
        if wanted is not None
    )
