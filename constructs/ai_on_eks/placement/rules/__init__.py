"""The named rules of placement, in the order they are asked.

A rule looks at one candidate and answers None or a `Violation`. The first violation is the candidate's rejection, so
cheap and fundamental rules stand first: a reader wants "no Neuron build of this engine" before "0.4 GiB short".
"""

from __future__ import annotations

from ai_on_eks.placement.rules import capability, memory, offer, parallelism, target
from ai_on_eks.placement.rules.types import CandidateRule, PlacementRule, Violation

CANDIDATE_RULES: tuple[CandidateRule, ...] = (
    CandidateRule("not-served", offer.served),
    CandidateRule("constraint-accelerator", offer.accelerator_allowed),
    CandidateRule("constraint-instance-family", offer.family_allowed),
    CandidateRule("region-offering", offer.offered_in_zones),
    CandidateRule("purchase-route", offer.purchasable),
    CandidateRule("engine-accelerator", capability.engine_runs_on_device),
    CandidateRule("engine-architecture", capability.engine_runs_on_architecture),
    CandidateRule("precision-support", capability.precision_supported),
    CandidateRule("cache-precision-support", capability.cache_precision_supported),
    CandidateRule("tensor-parallel", parallelism.divides_heads),
    CandidateRule("feed-forward-width", parallelism.divides_widths),
)
"""Asked before anything is computed."""

PLACEMENT_RULES: tuple[PlacementRule, ...] = (
    PlacementRule("host-memory", memory.host_memory),
    PlacementRule("host-cpu", memory.host_cpu),
    PlacementRule("latency-target", target.latency),
    PlacementRule("throughput-target", target.throughput),
    PlacementRule("price-ceiling", target.price_ceiling),
)
"""Asked of a complete placement."""

MEMORY_RULE = "memory"
"""Between the two: sizing itself, which says what does not fit and by how much."""

__all__ = ["CANDIDATE_RULES", "MEMORY_RULE", "PLACEMENT_RULES", "CandidateRule", "PlacementRule", "Violation"]
