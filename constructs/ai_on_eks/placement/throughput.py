"""What all replicas together give of a load.

    request = time to first token + (output − 1) × time per output token          models that write
    rate    = sequences ÷ request                                                  of a replica (Little 1961)
    busy    = min(replicas × sequences, concurrency) ÷ sequences                    replicas' worth of work in flight
    total   = busy × estimate of one replica at so many sequences

A replica without work gives nothing: what is in flight bounds what comes out. Where arrivals are given instead, what is
in flight follows from them, and all replicas are busy.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.requirements import Requirements


class Throughput(Struct, frozen=True):
    """A target that is set, and what is estimated for it; `total` is None where nothing can be estimated."""

    name: str
    wanted: float
    total: float | None


def wants_throughput(requirements: Requirements) -> bool:
    """Is any throughput asked for?"""
    serving = requirements.descriptor.serving
    targets = serving.targets
    asked = (targets.items_per_second, targets.output_tokens_per_second, serving.requests_per_second)
    return any(one is not None for one in asked)


def throughputs(
    requirements: Requirements, estimates: Estimates, *, replicas: int, sequences: int
) -> tuple[Throughput, ...]:
    """Every throughput that the descriptor asks for beside what so many replicas reach together."""
    serving = requirements.descriptor.serving
    busy = busy_replicas(requirements, replicas=replicas, sequences=sequences)
    return tuple(
        Throughput(name, wanted, busy * estimated if estimated else None)
        for name, wanted, estimated in (
            ("items per second", serving.targets.items_per_second, estimates.items_per_s),
            ("output tokens per second", serving.targets.output_tokens_per_second, estimates.output_tokens_per_s),
            ("requests per second", serving.requests_per_second, request_rate(requirements, estimates, sequences)),
        )
        if wanted is not None
    )


def busy_replicas(requirements: Requirements, *, replicas: int, sequences: int) -> float:
    """How many replicas' worth of sequences are in flight."""
    if requirements.descriptor.serving.requests_per_second is not None:
        return float(replicas)
    return min(replicas * sequences, requirements.load.concurrency) / sequences


def request_rate(requirements: Requirements, estimates: Estimates, sequences: int) -> float | None:
    """Requests per second that one replica ends while it runs so many at once."""
    if estimates.items_per_s is not None:
        return estimates.items_per_s
    time_ms = request_ms(estimates, requirements.descriptor.serving.output_tokens)
    return None if not time_ms else 1000 * sequences / time_ms


def request_ms(estimates: Estimates, output_tokens: int) -> float | None:
    """From the arrival of a request to its last token, or to the end of its batch."""
    if estimates.ttft_ms is None or estimates.tpot_ms is None:
        return estimates.ttft_ms
    return estimates.ttft_ms + (output_tokens - 1) * estimates.tpot_ms
