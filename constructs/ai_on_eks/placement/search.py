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

from collections.abc import Iterable, Iterator

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.catalog.types import Engine, InstanceType
from ai_on_eks.performance.machine import Division
from ai_on_eks.placement.bounds import NEVER, Bounds
from ai_on_eks.placement.candidates import holds_experts
from ai_on_eks.placement.divisions import divisions
from ai_on_eks.placement.evaluation import Evaluator, Replica
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
        self._running: dict[tuple[str, str], tuple[Engine, ...]] = {}
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

        Types come by what a placement on them costs at least, and the search ends where that is more than the best
        placement so far.
        """
        if not engines:
            return None
        best = _Best()
        bounds = Bounds(self._requirements, engines)
        for least_usd_per_hour, usd_per_hour, instance_type in self._by_least_cost(engines, bounds):
            if least_usd_per_hour > best.limit:
                break
            if self._first(TYPE_RULES, Candidate(instance_type, engines[0])) is not None:
                continue
            for engine in self._engines_on(instance_type, engines):
                self._improve(best, instance_type, engine, usd_per_hour, bounds)
        return best.placement

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

    def _by_least_cost(self, engines: tuple[Engine, ...], bounds: Bounds) -> list[tuple[float, float, InstanceType]]:
        """Types that may hold the model, with what a placement on them costs at least and the price of a node, both
        infinite where none is published; cheapest first."""
        return sorted(
            (
                (nodes * usd_per_hour, usd_per_hour, one)
                for one in self._catalog.instance_types.values()
                if self._engines_on(one, engines) and (nodes := bounds.of_type(one)) != NEVER
                for usd_per_hour in (UNKNOWN if one.price is None else one.price.usd_per_hour,)
            ),
            key=lambda entry: (entry[0], entry[1], entry[2].name),
        )

    def _engines_on(self, instance_type: InstanceType, engines: tuple[Engine, ...]) -> tuple[Engine, ...]:
        """Those of the engines that run on the accelerator and processor architecture of the type."""
        accelerator = instance_type.accelerator
        key = (accelerator.name if accelerator else "", instance_type.architecture)
        found = self._running.get(key)
        if found is None:
            found = self._running[key] = tuple(
                engine for engine in engines if self._engine_objection(instance_type, engine) is None
            )
        return found

    def _improve(
        self, best: _Best, instance_type: InstanceType, engine: Engine, usd_per_hour: float, bounds: Bounds
    ) -> None:
        """Let the placements of one engine on one type compete."""
        for candidate, shared in self._affordable(best, instance_type, engine, usd_per_hour, bounds):
            if self._evaluator.nodes(candidate, shared)[1] * usd_per_hour > best.limit:
                continue
            placement = self._evaluator.place(candidate, shared)
            objection = self._first_of_placement(placement)
            if objection is None:
                best.consider(placement)
            elif objection[0] == NOT_RENDERED_RULE:
                self.unrendered.append(placement)

    def _affordable(
        self, best: _Best, instance_type: InstanceType, engine: Engine, usd_per_hour: float, bounds: Bounds
    ) -> Iterator[tuple[Candidate, Replica]]:
        """Divisions over the fewest nodes that hold a replica, without those that cost more than the best in any case.

        Whether one of these holds a replica matters only when more nodes would be cheaper, and is looked at then.
        """
        held_by = 0
        costly: list[Candidate] = []
        for division in divisions(instance_type, engine, has_experts=self._has_experts):
            if held_by and division.nodes > held_by:
                return
            candidate = Candidate(instance_type, engine, division)
            nodes = NEVER if self._division_objection(candidate) is not None else bounds.of_candidate(candidate)
            if nodes == NEVER:
                continue
            if nodes * usd_per_hour > best.limit:
                costly.append(candidate)
                continue
            if any(each.division.nodes < division.nodes and self._held(each) is not None for each in costly):
                return
            shared = self._held(candidate)
            if shared is not None:
                held_by = division.nodes
                yield candidate, shared

    def _held(self, candidate: Candidate) -> Replica | None:
        """The replica, if nodes can be divided so and their memory holds it."""
        if self._first(NODE_RULES, candidate) is not None or self._evaluator.is_too_large(candidate):
            return None
        shared = self._evaluator.replica(candidate)
        return None if isinstance(shared, Violation) else shared

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


class _Best:
    """The cheapest placement so far. Nothing that costs more than `limit` (dollars per hour) is cheaper."""

    def __init__(self) -> None:
        self.placement: Placement | None = None
        self.limit = UNKNOWN

    def consider(self, placement: Placement) -> None:
        if self.placement is None or cost_order(placement) < cost_order(self.placement):
            self.placement = placement
            self.limit = _usd_per_hour(placement) + ROUNDING


_PLACED = frozenset(rule.name for rule in PLACEMENT_RULES)


def _is_held(rejection: Rejection) -> bool:
    """Did the memory do, whatever was wrong afterwards?"""
    return rejection.rule in _PLACED


def _needless(nodes: int) -> Violation:
    return Violation(_needless_words, (nodes,))


def _needless_words(nodes: int) -> Words:
    held = "one node holds" if nodes == 1 else f"{nodes} nodes hold"
    return Words(f"{held} a replica: more nodes would exchange more and fail more often")
