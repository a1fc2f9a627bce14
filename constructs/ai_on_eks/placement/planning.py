"""From one model to one plan.

    candidates → rules → sizing → rules → order by policy → the first is chosen         placement.search, .ranking

Nothing is dropped silently: a candidate ends as the choice, as an alternative, as accepted, or in a rejection with
rule, reason and shortfall.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import Engine
from ai_on_eks.deferred import Deferred
from ai_on_eks.descriptors.architectures import build_inventory
from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor, Policy
from ai_on_eks.placement.candidates import engines_for
from ai_on_eks.placement.nearness import nearest_first
from ai_on_eks.placement.ranking import Order, cost_order, order_of, pareto_front
from ai_on_eks.placement.requirements import resolve
from ai_on_eks.placement.search import Search
from ai_on_eks.placement.suggestions import suggest
from ai_on_eks.placement.types import Placement, Plan, Rejection
from ai_on_eks.placement.warnings import warnings_of


def plan_model(
    descriptor: Descriptor, inventory: Inventory, catalog: Catalog, platform: Platform, *, policy: Policy | None = None
) -> Plan:
    """The best placement of `descriptor` on `platform`, its alternatives, and every rejection with its reason.

    `policy` replaces the descriptor's own. Raises nothing for a model that fits nowhere: `Plan.chosen` is None and
    `Plan.rejected` says why.
    """
    requirements = resolve(descriptor, inventory, platform)
    policy = policy or descriptor.serving.policy
    output_tokens = descriptor.serving.output_tokens
    engines, rejected_engines = engines_for(descriptor, catalog)
    outcome = _Outcome(Search(requirements, catalog), engines, rejected_engines, order_of(policy, output_tokens))
    chosen = outcome.best(policy)

    def planned(changed: Descriptor, other_policy: Policy | None) -> Plan:
        return plan_model(changed, build_inventory(changed), catalog, platform, policy=other_policy or policy)

    return Plan(
        descriptor=descriptor,
        inventory=inventory,
        region=platform.region,
        chosen=chosen,
        alternatives=Deferred(lambda: _alternatives(outcome.accepted, output_tokens)),
        rejected=Deferred(lambda: outcome.rejected),
        warnings=warnings_of(requirements, chosen, outcome.search.unrendered),
        accepted=Deferred(lambda: outcome.accepted),
        policy=policy,
        missed=Deferred(lambda: outcome.missed),
        suggestions=Deferred(lambda: suggest(requirements, chosen, () if chosen else outcome.rejected, planned)),
    )


class _Outcome:
    """What a search comes to: the choice at once, everything else when somebody asks."""

    def __init__(
        self,
        search: Search,
        engines: tuple[Engine, ...],
        rejected_engines: tuple[Rejection, ...],
        order: Callable[[Placement], Order],
    ) -> None:
        self.search = search
        self._engines, self._rejected_engines, self._order = engines, rejected_engines, order
        self._cheapest: Placement | None = None

    def best(self, policy: Policy) -> Placement | None:
        """By price without looking at what must cost more; by anything else the first of all."""
        if policy is not Policy.COST:
            return next(iter(self.accepted), None)
        self._cheapest = self.search.cheapest(self._engines)
        return self._cheapest

    @cached_property
    def accepted(self) -> tuple[Placement, ...]:
        self.search.run(self._engines)
        accepted = sorted(self.search.accepted, key=self._order)
        if self._cheapest is None:
            return tuple(accepted)
        if accepted[0] != self._cheapest:
            raise AssertionError("the cheapest placement is not the first of all: the bound on costs is wrong")
        return (self._cheapest, *accepted[1:])

    @cached_property
    def missed(self) -> tuple[Placement, ...]:
        _searched = self.accepted
        return tuple(sorted(self.search.missed, key=cost_order))

    @cached_property
    def rejected(self) -> tuple[Rejection, ...]:
        _searched = self.accepted
        return nearest_first((*self._rejected_engines, *self.search.rejected))


def _alternatives(accepted: Sequence[Placement], output_tokens: int) -> tuple[Placement, ...]:
    """The front without the choice, in the order of the policy."""
    front = {id(placement) for placement in pareto_front(accepted, output_tokens)}
    return tuple(placement for placement in accepted[1:] if id(placement) in front)
