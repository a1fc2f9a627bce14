"""Does a placement reach what was asked of latency, throughput and price.

Throughput is reached by more replicas, so it rejects only where it is unknown or where the load cannot keep enough of
them busy; latency is a property of one replica.
"""

from __future__ import annotations

from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.rules.types import Violation
from ai_on_eks.placement.throughput import throughputs
from ai_on_eks.placement.types import Placement


def latency(placement: Placement, requirements: Requirements) -> Violation | None:
    targets = requirements.descriptor.serving.targets
    for name, wanted, estimated in (
        ("time to first token", targets.ttft_ms, placement.estimates.ttft_ms),
        ("time per output token", targets.tpot_ms, placement.estimates.tpot_ms),
    ):
        if wanted is None:
            continue
        if estimated is None:
            return Violation(f"a target for {name} is set, but none can be estimated for this model")
        if estimated > wanted:
            return Violation(
                f"{name} is estimated at {estimated:.1f} ms, the target is {wanted:g} ms",
                f"{estimated - wanted:.1f} ms",
            )
    return None


def throughput(placement: Placement, requirements: Requirements) -> Violation | None:
    replicas, sequences = placement.replicas, placement.sequences_per_replica
    for target in throughputs(requirements, placement.estimates, replicas=replicas, sequences=sequences):
        if target.total is None:
            return Violation(f"a target for {target.name} is set, but none can be estimated for this model here")
        if target.total < target.wanted:
            return Violation(
                f"{target.name} are estimated at {target.total:.1f} at most with {requirements.load.concurrency:,} in "
                f"flight (serving.concurrency), the target is {target.wanted:,.10g}",
                f"{target.wanted - target.total:.1f} per second",
            )
    return None


def price_ceiling(placement: Placement, requirements: Requirements) -> Violation | None:
    ceiling = requirements.descriptor.constraints.max_usd_per_hour
    cost = placement.usd_per_hour
    if ceiling is None:
        return None
    if cost is None:
        return Violation(f"a ceiling of {ceiling:g} $/h is set, but no price is published")
    if cost <= ceiling:
        return None
    return Violation(f"costs {cost:.4f} $/h, the ceiling is {ceiling:g} $/h", f"{cost - ceiling:.4f} $/h")
