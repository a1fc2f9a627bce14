"""The named rules of placement, in the order they are asked.

A rule looks at one candidate and answers None or a `Violation`. The first violation is the candidate's rejection, so
cheap and fundamental rules stand first: a reader wants "no Neuron build of this engine" before "0.4 GiB short".

Most rules look at a part of the candidate, and a plan asks them once for each such part: of a type that the region does
not offer no engine and no division is asked about.
"""

from __future__ import annotations

from ai_on_eks.placement.rules import capability, memory, nodes, offer, parallelism, target
from ai_on_eks.placement.rules.types import CandidateRule, PlacementRule

TYPE_RULES: tuple[CandidateRule, ...] = (
    CandidateRule("not-served", offer.served),
    CandidateRule("constraint-accelerator", offer.accelerator_allowed),
    CandidateRule("constraint-instance-family", offer.family_allowed),
    CandidateRule("region-offering", offer.offered_in_zones),
    CandidateRule("purchase-route", offer.purchasable),
)
"""These look at the instance type alone."""

ENGINE_RULES: tuple[CandidateRule, ...] = (
    CandidateRule("engine-accelerator", capability.engine_runs_on_device),
    CandidateRule("engine-architecture", capability.engine_runs_on_architecture),
    CandidateRule("precision-support", capability.precision_supported),
    CandidateRule("cache-precision-support", capability.cache_precision_supported),
    CandidateRule("scheme-support", capability.scheme_supported),
    CandidateRule("chunked-prompts", capability.prompts_in_chunks),
    CandidateRule("decoder-support", capability.decodes),
)
"""These look at the engine, the accelerator and the processor architecture."""

DIVISION_RULES: tuple[CandidateRule, ...] = (
    CandidateRule("tensor-parallel", parallelism.divides_heads),
    CandidateRule("feed-forward-width", parallelism.divides_widths),
    CandidateRule("quantization-group", parallelism.divides_groups),
    CandidateRule("pipeline-parallel", parallelism.divides_layers),
    CandidateRule("expert-parallel", parallelism.divides_experts),
)
"""These look at the engine and the division."""

NODE_RULES: tuple[CandidateRule, ...] = (
    CandidateRule("device-count", nodes.allocatable_devices),
    CandidateRule("efa", nodes.has_fabric),
)
"""These look at the instance type and the division."""

CANDIDATE_RULES: tuple[CandidateRule, ...] = (*TYPE_RULES, *ENGINE_RULES, *DIVISION_RULES, *NODE_RULES)
"""Asked before anything is computed."""

FEWEST_NODES_RULE = "fewest-nodes"
"""Of a replica over more nodes than hold it already."""

MEMORY_RULE = "memory"
"""Between the two: sizing itself, which says what does not fit and by how much."""

NOT_RENDERED_RULE = "not-rendered"
"""Of what nothing but a workload is missing, where the platform plans only what can be rendered."""

PLACEMENT_RULES: tuple[PlacementRule, ...] = (
    PlacementRule("host-memory", memory.host_memory),
    PlacementRule("host-cpu", memory.host_cpu),
    PlacementRule("disk", memory.disk),
    PlacementRule("zone-spread", nodes.spread_over_zones),
    PlacementRule("quota", nodes.within_quota),
    PlacementRule("latency-target", target.latency),
    PlacementRule("throughput-target", target.throughput),
    PlacementRule("maximum-replicas", target.most_replicas),
    PlacementRule("price-ceiling", target.price_ceiling),
    PlacementRule(NOT_RENDERED_RULE, capability.rendered),
)
"""Asked of a complete placement."""

__all__ = [
    "CANDIDATE_RULES",
    "DIVISION_RULES",
    "ENGINE_RULES",
    "FEWEST_NODES_RULE",
    "MEMORY_RULE",
    "NODE_RULES",
    "NOT_RENDERED_RULE",
    "PLACEMENT_RULES",
    "TYPE_RULES",
    "CandidateRule",
    "PlacementRule",
]
