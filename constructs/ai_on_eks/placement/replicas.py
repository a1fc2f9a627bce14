"""How many replicas a load needs, and how many sequences each of them runs.

    fast enough = the most sequences, at most what a replica holds, at which the latency targets are met
    replicas    = max(minimum, ⌈concurrency ÷ fast enough⌉)                        models that keep a cache
                  and more until all together reach the throughput asked for
    arrivals    : replicas  = max(minimum, ⌈arrivals ÷ rate of a replica at as many sequences as are fast enough⌉)
                  sequences = the least n with n ≥ arrivals ÷ replicas × request(n)          (Little 1961, L = λ × W)
    planned     = replicas + spare

A replica that holds some of the load is not rejected: two small ones are often cheaper than one large one. Dividing the
target by the throughput of one replica would be shorter and wrong: more replicas share the same load, so each runs
fewer sequences and gives less, and no number of replicas makes more of the load than there is. Estimates are of the
replicas without the spare ones, so they hold while those are gone.

What is in flight lengthens requests, and that puts more in flight. The number rises from one sequence on until it
feeds itself; each step that does not end the search adds a sequence, and there are at most as many as a replica holds.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from functools import cached_property
from math import ceil

from ai_on_eks.performance.types import Estimates
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.throughput import Throughput, request_ms, request_rate, throughputs, wants_throughput
from ai_on_eks.units import ceil_div

_ROUNDING = 1 - 1e-9
"""Keeps the error of a division from asking for one replica too many."""

_MOST_REPLICAS = 100_000
"""Beyond this no target is followed: the placement is then rejected by what it misses."""

Estimate = Callable[[int], Estimates]
"""Estimates of one replica that runs so many sequences at once."""


class Replicas:
    """Replicas of the load, spare ones included, and sequences of each while those are gone.

    Only the number of replicas decides what a placement costs, so `sequences` is settled when somebody asks.
    """

    def __init__(self, planned: int, needed: int, sequences: Callable[[], int]) -> None:
        self.planned, self.needed = planned, needed
        self._sequences = sequences

    @cached_property
    def sequences(self) -> int:
        return self._sequences()


def settle(requirements: Requirements, held: int, estimate: Estimate) -> Replicas:
    """The fewest replicas for the load; `held` = sequences that one replica has memory for, at least 1.

    Where no number of replicas meets a target, the answer is the one that comes nearest, and its rule rejects it.
    """
    serving = requirements.descriptor.serving
    in_flight = requirements.load.concurrency if serving.requests_per_second is None else held
    fast = _fast_enough(requirements, max(1, min(held, in_flight)), estimate)
    arrivals = serving.requests_per_second
    if arrivals is not None:
        needed = _for_arrivals(requirements, arrivals, fast, estimate)
        return Replicas(
            needed + serving.spare_replicas,
            needed,
            lambda: _in_flight(requirements, arrivals / needed, fast, estimate),
        )
    least = requirements.least_replicas
    if requirements.inventory.states:
        least = max(least, ceil_div(requirements.load.concurrency, fast))
    needed = _for_throughput(requirements, fast, least, estimate)
    return Replicas(needed + serving.spare_replicas, needed, lambda: _shared(requirements, needed, fast))


def _fast_enough(requirements: Requirements, most: int, estimate: Estimate) -> int:
    """The most sequences that meet the latency targets; one where none do."""
    targets = requirements.descriptor.serving.targets
    if targets.ttft_ms is None and targets.tpot_ms is None:
        return most

    def too_slow(sequences: int) -> bool:
        estimates = estimate(sequences)
        return any(
            wanted is not None and estimated is not None and estimated > wanted
            for wanted, estimated in ((targets.ttft_ms, estimates.ttft_ms), (targets.tpot_ms, estimates.tpot_ms))
        )

    if not too_slow(most):
        return most
    # more sequences are never faster, so all that are fast enough come before all that are not
    return max(1, bisect_left(range(1, most), True, key=too_slow))


def _for_arrivals(requirements: Requirements, arrivals: float, fast: int, estimate: Estimate) -> int:
    rate = request_rate(requirements, estimate(fast), fast)
    if not rate:
        return requirements.least_replicas
    return min(_MOST_REPLICAS, max(requirements.least_replicas, ceil(arrivals / rate * _ROUNDING)))


def _in_flight(requirements: Requirements, arrivals: float, fast: int, estimate: Estimate) -> int:
    """The fewest sequences, at most `fast`, that keep up with so many arrivals per second at one replica."""
    if not requirements.inventory.states or not request_rate(requirements, estimate(fast), fast):
        return fast
    sequences = 1
    output_tokens = requirements.descriptor.serving.output_tokens
    while sequences < fast:
        time_ms = request_ms(estimate(sequences), output_tokens) or 0.0
        kept = ceil(arrivals * time_ms / 1000 * _ROUNDING)
        if kept <= sequences:
            break
        sequences = min(kept, fast)
    return sequences


def _for_throughput(requirements: Requirements, fast: int, least: int, estimate: Estimate) -> int:
    """The fewest replicas that reach the throughput asked for; the most that the load can keep busy where none do."""

    def reached(replicas: int) -> tuple[Throughput, ...]:
        sequences = _shared(requirements, replicas, fast)
        return throughputs(requirements, estimate(sequences), replicas=replicas, sequences=sequences)

    def suffice(replicas: int) -> bool:
        return all(target.total is None or target.total >= target.wanted for target in reached(replicas))

    if not wants_throughput(requirements):
        return least
    # a replica gives less when it runs fewer sequences, so what is missing now is a lower bound of what to add
    most = max(least, requirements.load.concurrency)
    factor = max((target.wanted / target.total for target in reached(least) if target.total), default=1.0)
    low = min(most, max(least, ceil(least * factor * _ROUNDING)))
    if factor <= 1.0 or suffice(low):
        return low
    return bisect_left(range(most), True, lo=low, key=suffice)


def _shared(requirements: Requirements, replicas: int, fast: int) -> int:
    """Sequences one replica runs at once when the load is shared evenly."""
    return min(fast, ceil_div(requirements.load.concurrency, replicas))
