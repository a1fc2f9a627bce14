"""Why a plan came out as it did, in one line, and what a model that fits nowhere was closest to.

why = price difference to the next instance type; rules that took out the cheaper ones, with their counts
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.errors import Problem
from ai_on_eks.placement.fleet.types import FleetMember, FleetPool
from ai_on_eks.placement.types import ANY_INSTANCE_TYPE, Placement, Plan, Rejection
from ai_on_eks.units import counted


def why(plan: Plan, catalog: Catalog) -> str:
    """One line: why this placement, or what came nearest."""
    if plan.chosen is None:
        return _why_nothing(plan)
    return f"{_next(plan.chosen, plan.accepted)}; {_cheaper(plan, plan.chosen, catalog)}"


def why_in_fleet(plan: Plan, catalog: Catalog, pool: FleetPool, member: FleetMember) -> str:
    """As `why`, where the fleet left the model what it would have chosen itself; else what is gained by the change.
    Nodes that are paid for already were not chosen by their price."""
    own = member.own
    if own is member.placement:
        return "its nodes are reserved and paid for" if pool.is_paid else why(plan, catalog)
    neighbours = len(pool.members) - 1
    shares = f"shares nodes with {counted(neighbours, 'model')}" if neighbours else "uses nodes that are there"
    cost = "without a price" if own.usd_per_hour is None else f"{own.usd_per_hour:.3f} $/h"
    return f"{shares}; alone {counted_nodes(own)}, {cost}"


def counted_nodes(placement: Placement) -> str:
    """`g6e.xlarge`, `2 × g6e.xlarge`."""
    name = placement.instance_type.name
    return f"{placement.nodes} × {name}" if placement.nodes > 1 else name


def nothing_fits(plan: Plan, file: str | None) -> Problem:
    """The problem to report for a model without a placement."""
    nearest = plan.rejected
    first = nearest[0] if nearest else None
    if first is not None and first.instance_type == ANY_INSTANCE_TYPE:
        return _no_engine(plan, nearest, file)
    return Problem(
        code="nothing-fits",
        message=f"no instance type of {plan.region} can serve {plan.descriptor.name}"
        + (f"; nearest: {rejection_text(first)}" if first else ""),
        file=file,
        value=plan.descriptor.name,
        fix=_fix(plan, first) if first else None,
    )


def _fix(plan: Plan, first: Rejection) -> str:
    """The cheapest change that was planned and fits; else what would lift the nearest rejection."""
    if not plan.suggestions:
        return first.fix or "`ai-on-eks plan --explain` lists every rejection"
    best = plan.suggestions[0]
    cost = "" if best.placement.usd_per_hour is None else f", {best.placement.usd_per_hour:.3f} $/h"
    return f"write {best.setting}: {counted_nodes(best.placement)} fits{cost}"


def _no_engine(plan: Plan, rejected: Sequence[Rejection], file: str | None) -> Problem:
    """No engine came far enough to be asked about an instance type: each one's reason, none is nearer than another.
    Those that no plan could choose say nothing about the model."""
    first = rejected[0].rule
    why = "; ".join(one.reason for one in rejected if one.rule == first)
    return Problem(
        code="nothing-fits",
        message=f"no engine serves {plan.descriptor.name}: {why}",
        file=file,
        value=plan.descriptor.name,
        fix=rejected[0].fix,
    )


def rejection_text(rejection: Rejection) -> str:
    """`g6.xlarge TP 1: memory: …`."""
    degree = f" TP {rejection.tensor_parallel}" if rejection.tensor_parallel else ""
    subject = rejection.engine if rejection.instance_type == ANY_INSTANCE_TYPE else f"{rejection.instance_type}{degree}"
    return f"{subject}: {rejection.rule}: {rejection.reason}"


def _why_nothing(plan: Plan) -> str:
    nearest = plan.rejected
    if not nearest:
        return "nothing fits: the catalogue has no candidate"
    first = nearest[0]
    if first.instance_type == ANY_INSTANCE_TYPE:
        return f"nothing fits: no engine serves the model ({first.rule})"
    degree = f" TP {first.tensor_parallel}" if first.tensor_parallel else ""
    short = f", {first.shortfall} short" if first.shortfall else ""
    return f"nothing fits; nearest: {first.instance_type}{degree} ({first.rule}{short})"


def _next(chosen: Placement, alternatives: Sequence[Placement]) -> str:
    """The first alternative on another instance type; the chosen one's own variants would tell nothing."""
    other = next((a for a in alternatives if a.instance_type.name != chosen.instance_type.name), None)
    if other is None:
        return "no other instance type fits"
    name = counted_nodes(other)
    if other.usd_per_hour is None or chosen.usd_per_hour is None:
        return f"next {name} without a price"
    return f"next {name} {other.usd_per_hour - chosen.usd_per_hour:+.3f} $/h"


def _cheaper(plan: Plan, chosen: Placement, catalog: Catalog) -> str:
    """Instance types of which one costs less than the choice, by the rule that took out their best candidate."""
    if chosen.usd_per_hour is None:
        return "no price is published"
    fitting = {chosen.instance_type.name, *(placement.instance_type.name for placement in plan.accepted)}
    rules: dict[str, str] = {}
    for rejection in plan.rejected:
        name = rejection.instance_type
        known = catalog.instance_types.get(name)
        if name in fitting or name in rules or known is None or known.price is None:
            continue
        if known.price.usd_per_hour < chosen.usd_per_hour:
            rules[name] = rejection.rule
    if not rules:
        return "nothing in the catalogue is cheaper"
    counts = sorted(Counter(rules.values()).items(), key=lambda item: (-item[1], item[0]))
    return "cheaper fail " + ", ".join(f"{rule} ×{count}" for rule, count in counts)
