"""In which order placements are preferred, and which of them nobody would pass over.

    cost        $/h
    latency     time of a whole request
    throughput  requests per second of all replicas, most first
    headroom    share of a rank's memory that stays free, most first

Ties go to the lower price, then fewer nodes, fewer accelerators, less communication, then the name: every order is
total, so equal input gives an equal plan. What cannot be estimated or has no price comes last.

A placement is on the Pareto front when no other is at least as good in price, latency and throughput and better in one
of them. Of equals the first by price is on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ai_on_eks.descriptors.schema import Policy
from ai_on_eks.placement.throughput import request_ms
from ai_on_eks.placement.types import Placement

UNKNOWN = float("inf")

Order = tuple[float | int | str, ...]


def order_of(policy: Policy, output_tokens: int) -> Callable[[Placement], Order]:
    """The key that sorts placements by the policy, the best first."""
    if policy is Policy.COST:
        return cost_order

    def key(placement: Placement) -> Order:
        if policy is Policy.LATENCY:
            return (latency_ms(placement, output_tokens), *cost_order(placement))
        if policy is Policy.THROUGHPUT:
            return (-throughput(placement), *cost_order(placement))
        return (-placement.headroom_bytes / placement.memory.rank.memory_bytes, *cost_order(placement))

    return key


def cost_order(placement: Placement) -> Order:
    """Cheaper first; at equal cost fewer nodes, fewer accelerators, less communication, what is deployed unasked, what
    is when it is asked for, then the name."""
    return (
        UNKNOWN if placement.usd_per_hour is None else placement.usd_per_hour,
        placement.nodes,
        placement.accelerators_per_replica * placement.replicas,
        placement.tensor_parallel * placement.pipeline_parallel,
        placement.pipeline_parallel,
        placement.expert_parallel,
        2 if placement.image_key is None else int(placement.engine.by_name is not None),
        placement.instance_type.name,
        placement.engine.name,
    )


def latency_ms(placement: Placement, output_tokens: int) -> float:
    """Of a whole request, or of one batch; infinite where it cannot be estimated."""
    time_ms = request_ms(placement.estimates, output_tokens)
    return UNKNOWN if time_ms is None else time_ms


def throughput(placement: Placement) -> float:
    """Requests per second of all replicas; 0 where it cannot be estimated."""
    return placement.requests_per_second or 0.0


def pareto_front(placements: Iterable[Placement], output_tokens: int) -> tuple[Placement, ...]:
    """Those that none beats in price, latency and throughput at once, cheapest first."""

    def key(placement: Placement) -> Order:
        cost = UNKNOWN if placement.usd_per_hour is None else placement.usd_per_hour
        return (cost, latency_ms(placement, output_tokens), -throughput(placement), *cost_order(placement))

    front: list[tuple[float, float]] = []
    found: list[Placement] = []
    for placement in sorted(placements, key=key):
        latency, rate = latency_ms(placement, output_tokens), throughput(placement)
        # those before cost no more, so one of them that is as fast and gives as much leaves nothing to prefer
        if not any(other <= latency and given >= rate for other, given in front):
            front.append((latency, rate))
            found.append(placement)
    return tuple(found)


def usd_per_million(placement: Placement, output_tokens: int) -> float | None:
    """Dollars for a million output tokens, or for a million items of a model that writes none, at the planned load."""
    rate = throughput(placement)
    if placement.usd_per_hour is None or not rate:
        return None
    items = rate if placement.estimates.tpot_ms is None else rate * output_tokens
    return placement.usd_per_hour / 3600 / items * 1_000_000


def autoscaling_range(placement: Placement, least: int, most: int | None) -> tuple[int, int]:
    """Replicas that the workload may scale between: what must serve without load, and what the load needs at most."""
    return min(least, placement.replicas), max(placement.replicas, most or 0)


def cheapest(placements: Sequence[Placement]) -> Placement | None:
    """The first by price, or None of none."""
    return min(placements, key=cost_order, default=None)
