"""Does a placement reach what was asked of latency, throughput and price.

More replicas share the same load, so each runs fewer sequences and is faster: replicas are added until the targets are
met (`placement.replicas`). A target rejects where none can be estimated, where one sequence alone is too slow, or where
the load cannot keep enough replicas busy.
"""

from __future__ import annotations

from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.throughput import throughputs
from ai_on_eks.placement.types import Placement
from ai_on_eks.placement.violations import Violation, Words, stated


def latency(placement: Placement, requirements: Requirements) -> Violation | None:
    targets = requirements.descriptor.serving.targets
    for name, key, wanted, estimated in (
        ("time to first token", "ttft_ms", targets.ttft_ms, placement.estimates.ttft_ms),
        ("time per output token", "tpot_ms", targets.tpot_ms, placement.estimates.tpot_ms),
    ):
        if wanted is None:
            continue
        if estimated is None:
            reason = f"a target for {name} is set, but none can be estimated for this model"
            return stated(reason, f"remove serving.targets.{key}")
        if estimated > wanted:
            return Violation(_too_slow, (name, key, estimated, wanted), estimated - wanted)
    return None


def throughput(placement: Placement, requirements: Requirements) -> Violation | None:
    replicas, sequences = placement.replicas, placement.sequences_per_replica
    for target in throughputs(requirements, placement.estimates, replicas=replicas, sequences=sequences):
        if target.total is None:
            reason = f"a target for {target.name} is set, but none can be estimated for this model here"
            return stated(reason, "remove a target that cannot be estimated")
        if target.total < target.wanted:
            figures = (target.name, target.total, target.wanted, requirements.load.concurrency)
            return Violation(_too_little, figures, target.wanted - target.total)
    return None


def most_replicas(placement: Placement, requirements: Requirements) -> Violation | None:
    most = requirements.descriptor.serving.maximum_replicas
    if most is None or placement.replicas <= most:
        return None
    return Violation(_too_many_replicas, (placement.replicas, most), placement.replicas - most)


def price_ceiling(placement: Placement, requirements: Requirements) -> Violation | None:
    ceiling = requirements.descriptor.constraints.max_usd_per_hour
    cost = placement.usd_per_hour
    if ceiling is None:
        return None
    if cost is None:
        reason = f"a ceiling of {ceiling:g} $/h is set, but no price is published"
        return stated(reason, "remove constraints.max_usd_per_hour")
    if cost <= ceiling:
        return None
    return Violation(_too_expensive, (cost, ceiling), cost - ceiling)


def _too_slow(name: str, key: str, estimated: float, wanted: float) -> Words:
    return Words(
        f"{name} is estimated at {estimated:.1f} ms, the target is {wanted:g} ms",
        f"{estimated - wanted:.1f} ms",
        f"set serving.targets.{key} to {estimated:.1f}, or allow faster accelerators",
    )


def _too_little(name: str, total: float, wanted: float, concurrency: int) -> Words:
    return Words(
        f"{name} are estimated at {total:.1f} at most with {concurrency:,} in flight (serving.concurrency), the target "
        f"is {wanted:,.10g}",
        f"{wanted - total:.1f} per second",
        "lower the target or raise serving.concurrency",
    )


def _too_many_replicas(replicas: int, most: int) -> Words:
    return Words(
        f"the load needs {replicas:,} replicas, serving.maximum_replicas is {most:,}",
        f"{replicas - most:,} replicas",
        f"set serving.maximum_replicas to {replicas}, or allow larger accelerators",
    )


def _too_expensive(cost: float, ceiling: float) -> Words:
    return Words(
        f"costs {cost:.4f} $/h, the ceiling is {ceiling:g} $/h",
        f"{cost - ceiling:.4f} $/h",
        f"set constraints.max_usd_per_hour to {cost:.4f}",
    )
