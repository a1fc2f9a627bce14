"""All candidates of one model, each accepted or rejected, without asking anything twice.

    type rules         once per instance type
    engine rules       once per engine, accelerator and processor architecture
    division rules     once per engine and division
    node rules         once per candidate
    memory, replicas   once per engine, accelerator and division         placement.evaluation
    placement rules    once per candidate that has a placement

A rule that fells many candidates at once leaves one rejection for all of them. `judge` asks every rule of one candidate
and must come to the same answer; it is what the search is tested against.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import Engine, InstanceType
from ai_on_eks.performance.machine import Division
from ai_on_eks.placement.candidates import holds_experts
from ai_on_eks.placement.divisions import divisions
from ai_on_eks.placement.evaluation import Evaluator
from ai_on_eks.placement.ranking import UNKNOWN, cost_order
from ai_on_eks.placement.requirements import Requirements
from ai_on_eks.placement.rules import (
    CANDIDATE_RULES,
    DIVISION_RULES,
    ENGINE_RULES,
    FEWEST_NODES_RULE,
    MEMORY_RULE,
    NODE_RULES,
    NOT_RENDERED_RULE,
    PLACEMENT_RULES,
    TYPE_RULES,
    CandidateRule,
)
from ai_on_eks.placement.types import ANY_ENGINE, UNDIVIDED, Candidate, Placement, Rejection
from ai_on_eks.placement.violations import Violation, Words

ROUNDING = 1e-6
"""Dollars: costs are rounded to so much."""

Objection = tuple[str, Violation]
"""A rule's name and what it says."""


class Search:
    """Judges every candidate of one model. `run` leaves what it came to in `accepted` and `rejected`, and of the
    rejected ones those that have a placement in `missed`, and those that only lack a workload in `unrendered` as well.
    """

    def __init__(self, requirements: Requirements, catalog: Catalog) -> None:
        self._requirements = requirements
        self._catalog = catalog
        self._evaluator = Evaluator(requirements)
        self._has_experts = holds_experts(requirements.inventory)
        self._by_engine: dict[tuple[str, str, str], Objection | None] = {}
        self._by_division: dict[tuple[str, Division], Objection | None] = {}
        self.accepted: list[Placement] = []
        self.rejected: list[Rejection] = []
        self.unrendered: list[Placement] = []
        self.missed: list[Placement] = []

    def run(self, engines: tuple[Engine, ...]) -> None:
        """Fill `accepted` and `rejected` with all candidates of these engines."""
        self.unrendered.clear()
        for _name, instance_type in sorted(self._catalog.instance_types.items()):
            of_any = Candidate(instance_type, engines[0]) if engines else None
            objection = None if of_any is None else self._first(TYPE_RULES, of_any)
            if objection is not None:
                self.rejected.append(Rejection(instance_type.name, ANY_ENGINE, UNDIVIDED, *objection))
                continue
            for engine in engines:
                self._run_engine(instance_type, engine)

    def cheapest(self, engines: tuple[Engine, ...]) -> Placement | None:
        """The first of all accepted placements by price, found without looking at what must cost more.

        Nodes of a type cost at least its price, once for each that replicas are spread over; types come cheapest first,
        and the search ends where that is more than the best placement so far.
        """
        found: Placement | None = None
        least = self._requirements.least_nodes
        for usd_per_hour, instance_type in _by_price(self._catalog):
            if not engines or (found is not None and least * usd_per_hour > _usd_per_hour(found) + ROUNDING):
                break
            if self._first(TYPE_RULES, Candidate(instance_type, engines[0])) is not None:
                continue
            for engine in engines:
                if self._engine_objection(instance_type, engine) is None:
                    found = self._cheaper(instance_type, engine, usd_per_hour, found)
        return found

    def judge(self, candidate: Candidate) -> Placement | Rejection:
        """One candidate, asked everything: a complete placement, or its first violation."""
        name, engine, division = candidate.instance_type.name, candidate.engine.name, candidate.division
        objection = (
            self._first((*TYPE_RULES, *ENGINE_RULES), candidate)
            or self._needless_nodes(candidate)
            or self._first((*DIVISION_RULES, *NODE_RULES), candidate)
        )
        if objection is not None:
            return Rejection(name, engine, division, *objection)
        outcome = self._evaluator.evaluate(candidate)
        if isinstance(outcome, Violation):
            return Rejection(name, engine, division, MEMORY_RULE, outcome)
        violation = self._first_of_placement(outcome)
        return outcome if violation is None else Rejection(name, engine, division, *violation)

    def _run_engine(self, instance_type: InstanceType, engine: Engine) -> None:
        objection = self._engine_objection(instance_type, engine)
        if objection is not None:
            self.rejected.append(Rejection(instance_type.name, engine.name, UNDIVIDED, *objection))
            return
        held_by = 0
        for division in divisions(instance_type, engine, has_experts=self._has_experts):
            if held_by and division.nodes > held_by:
                needless = FEWEST_NODES_RULE, _needless(held_by)
                self.rejected.append(Rejection(instance_type.name, engine.name, division, *needless))
                return
            outcome = self._outcome(Candidate(instance_type, engine, division))
            if isinstance(outcome, Placement):
                self.accepted.append(outcome)
                held_by = division.nodes
            else:
                self.rejected.append(outcome)
                held_by = held_by or (division.nodes if _is_held(outcome) else 0)

    def _cheaper(
        self, instance_type: InstanceType, engine: Engine, usd_per_hour: float, found: Placement | None
    ) -> Placement | None:
        """The best of `found` and the placements of one engine on one type."""
        least, held_by = self._requirements.least_nodes, 0
        limit = None if found is None else _usd_per_hour(found) + ROUNDING
        for division in divisions(instance_type, engine, has_experts=self._has_experts):
            if held_by and division.nodes > held_by:
                break
            if limit is not None and least * division.nodes * usd_per_hour > limit:
                continue
            candidate = Candidate(instance_type, engine, division)
            if self._division_objection(candidate) is not None or self._first(NODE_RULES, candidate) is not None:
                continue
            shared = None if self._evaluator.is_too_large(candidate) else self._evaluator.replica(candidate)
            if shared is None or isinstance(shared, Violation):
                continue
            held_by = division.nodes
            if limit is not None and self._evaluator.nodes(candidate, shared)[1] * usd_per_hour > limit:
                continue
            placement = self._evaluator.place(candidate, shared)
            objection = self._first_of_placement(placement)
            if objection is not None:
                if objection[0] == NOT_RENDERED_RULE:
                    self.unrendered.append(placement)
                continue
            if found is None or cost_order(placement) < cost_order(found):
                found = placement
                limit = _usd_per_hour(found) + ROUNDING
        return found

    def _outcome(self, candidate: Candidate) -> Placement | Rejection:
        instance_type, engine, division = candidate
        objection = self._division_objection(candidate) or self._first(NODE_RULES, candidate)
        if objection is not None:
            return Rejection(instance_type.name, engine.name, division, *objection)
        outcome = self._evaluator.evaluate(candidate)
        if isinstance(outcome, Violation):
            return Rejection(instance_type.name, engine.name, division, MEMORY_RULE, outcome)
        violation = self._first_of_placement(outcome)
        if violation is None:
            return outcome
        if violation[0] == NOT_RENDERED_RULE:
            self.unrendered.append(outcome)
        self.missed.append(outcome)
        return Rejection(instance_type.name, engine.name, division, *violation)

    def _engine_objection(self, instance_type: InstanceType, engine: Engine) -> Objection | None:
        accelerator = instance_type.accelerator
        key = (engine.name, accelerator.name if accelerator else "", instance_type.architecture)
        if key not in self._by_engine:
            self._by_engine[key] = self._first(ENGINE_RULES, Candidate(instance_type, engine))
        return self._by_engine[key]

    def _division_objection(self, candidate: Candidate) -> Objection | None:
        key = (candidate.engine.name, candidate.division)
        if key not in self._by_division:
            self._by_division[key] = self._first(DIVISION_RULES, candidate)
        return self._by_division[key]

    def _needless_nodes(self, candidate: Candidate) -> Objection | None:
        """A replica spans no more nodes than hold it: more of them exchange more and fail more often."""
        instance_type, engine, division = candidate
        for fewer in divisions(instance_type, engine, has_experts=self._has_experts):
            if fewer.nodes >= division.nodes:
                return None
            one = Candidate(instance_type, engine, fewer)
            if self._first(CANDIDATE_RULES, one) is None and not isinstance(self._evaluator.replica(one), Violation):
                return FEWEST_NODES_RULE, _needless(fewer.nodes)
        return None

    def _first(self, rules: Iterable[CandidateRule], candidate: Candidate) -> Objection | None:
        for rule in rules:
            violation = rule.check(candidate, self._requirements, self._catalog)
            if violation is not None:
                return rule.name, violation
        return None

    def _first_of_placement(self, placement: Placement) -> Objection | None:
        for rule in PLACEMENT_RULES:
            violation = rule.check(placement, self._requirements)
            if violation is not None:
                return rule.name, violation
        return None


def _usd_per_hour(placement: Placement) -> float:
    return UNKNOWN if placement.usd_per_hour is None else placement.usd_per_hour


def _by_price(catalog: Catalog) -> list[tuple[float, InstanceType]]:
    """The types with the price of a node, infinite where none is published; cheapest first."""
    priced = (
        (UNKNOWN if one.price is None else one.price.usd_per_hour, one) for one in catalog.instance_types.values()
    )
    return sorted(priced, key=lambda pair: (pair[0], pair[1].name))


_PLACED = frozenset(rule.name for rule in PLACEMENT_RULES)


def _is_held(rejection: Rejection) -> bool:
    """Did the memory do, whatever was wrong afterwards?"""
    return rejection.rule in _PLACED


def _needless(nodes: int) -> Violation:
    return Violation(_needless_words, (nodes,))


def _needless_words(nodes: int) -> Words:
    held = "one node holds" if nodes == 1 else f"{nodes} nodes hold"
    return Words(f"{held} a replica: more nodes would exchange more and fail more often")
