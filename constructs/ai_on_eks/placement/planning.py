"""From one model to one plan.

    candidates → candidate rules → sizing → placement rules → order by cost → the first is chosen

Nothing is dropped silently: a candidate ends as the choice, as an alternative, or as a rejection with rule, reason and
shortfall. The order is total (cost, nodes, accelerators, tensor parallelism, name), so equal input gives an equal plan.
"""

from __future__ import annotations

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import CapacityType, Descriptor, Source, Targets
from ai_on_eks.placement.candidates import candidates, engines_for
from ai_on_eks.placement.evaluation import evaluate
from ai_on_eks.placement.nearness import nearest_first
from ai_on_eks.placement.requirements import Requirements, resolve
from ai_on_eks.placement.rules import CANDIDATE_RULES, PLACEMENT_RULES
from ai_on_eks.placement.types import Candidate, Placement, Plan, Rejection

UNPRICED = float("inf")


def plan_model(descriptor: Descriptor, inventory: Inventory, catalog: Catalog, platform: Platform) -> Plan:
    """The cheapest placement of `descriptor` on `platform`, its alternatives, and every rejection with its reason.

    Raises nothing for a model that fits nowhere: `Plan.chosen` is None and `Plan.rejected` says why.
    """
    requirements = resolve(descriptor, inventory, platform)
    engines, rejected_engines = engines_for(descriptor, catalog)
    accepted: list[Placement] = []
    rejected: list[Rejection] = list(rejected_engines)
    for candidate in candidates(catalog, engines):
        outcome = judge(candidate, requirements, catalog)
        if isinstance(outcome, Placement):
            accepted.append(outcome)
        else:
            rejected.append(outcome)
    accepted.sort(key=cost_order)
    return Plan(
        descriptor=descriptor,
        inventory=inventory,
        region=platform.region,
        chosen=accepted[0] if accepted else None,
        alternatives=tuple(accepted[1:]),
        rejected=nearest_first(rejected),
        warnings=_warnings(requirements, accepted[0] if accepted else None),
        accepted=tuple(accepted),
    )


def judge(candidate: Candidate, requirements: Requirements, catalog: Catalog) -> Placement | Rejection:
    """A complete placement when every rule accepts the candidate, else its first violation."""
    for candidate_rule in CANDIDATE_RULES:
        violation = candidate_rule.check(candidate, requirements, catalog)
        if violation is not None:
            return _rejection(candidate, candidate_rule.name, violation.reason, violation.shortfall)
    outcome = evaluate(candidate, requirements)
    if isinstance(outcome, Rejection):
        return outcome
    for placement_rule in PLACEMENT_RULES:
        violation = placement_rule.check(outcome, requirements)
        if violation is not None:
            return _rejection(candidate, placement_rule.name, violation.reason, violation.shortfall)
    return outcome


def cost_order(placement: Placement) -> tuple[float, int, int, int, str, str]:
    """Cheaper first; at equal cost fewer nodes, fewer accelerators, less communication, then the name."""
    return (
        UNPRICED if placement.usd_per_hour is None else placement.usd_per_hour,
        placement.nodes,
        placement.accelerators_per_replica * placement.replicas,
        placement.tensor_parallel,
        placement.instance_type.name,
        placement.engine.name,
    )


def _rejection(candidate: Candidate, rule: str, reason: str, shortfall: str | None) -> Rejection:
    return Rejection(
        instance_type=candidate.instance_type.name,
        engine=candidate.engine.name,
        tensor_parallel=candidate.tensor_parallel,
        rule=rule,
        reason=reason,
        shortfall=shortfall,
    )


def _warnings(requirements: Requirements, chosen: Placement | None) -> tuple[str, ...]:
    warnings: list[str] = []
    source: Source = requirements.descriptor.source
    if source.uri.startswith("hf://") and source.revision is None:
        warnings.append("source.revision is not set: the weights are not pinned")
    warnings += [f"estimated: {assumption}" for assumption in requirements.inventory.estimated]
    capacity_type = requirements.descriptor.constraints.capacity_type
    if capacity_type is not CapacityType.ON_DEMAND:
        warnings.append(f"capacity type {capacity_type.value}: the costs shown are on-demand prices")
    targets = requirements.descriptor.serving.targets
    if chosen is not None and chosen.instance_type.accelerator is None and targets == Targets():
        warnings.append(_cpu_by_price_alone(chosen))
    region = requirements.platform.region
    if chosen is not None and chosen.price is not None and chosen.price.region != region:
        warnings.append(f"no price of {region} is in the catalogue: costs are those of {chosen.price.region}")
    return tuple(warnings)


def _cpu_by_price_alone(chosen: Placement) -> str:
    batch_ms = chosen.estimates.ttft_ms
    speed = (
        "" if batch_ms is None else f"; a batch of {chosen.sequences_per_replica} takes {batch_ms / 1000:.1f} s there"
    )
    return f"no serving.targets are set, so {chosen.instance_type.name} is chosen by price alone{speed} (estimate)"
