"""The decision as a mixed-integer linear program, in plain lists: what a solver is handed.

    minimise    Σ over pools: price × bought
    such that   Σ over options of a model: x = 1                                    every model runs once
                units × shared ≥ Σ replicas × share × x                             shares add up (`fleet.shares`)
                shared ≥ 2 x + Σ replicas that take a whole node × x                a model that spreads
                bought + reserved ≥ shared + Σ nodes of its own × x
                x ∈ {0, 1};  shared, bought ∈ {0, 1, …};  reserved ∈ {0, …, nodes reserved}

Models that are alike are counted: x ∈ {0, …, how many}, and Σ x = how many.

That is exact for what a scheduler is certain to find. The relaxed program asks for less and proves the bound: instead
of shares it takes each resource by itself, and counts replicas that need more than half of it. Whatever packs the
replicas, by any method, cannot do with fewer nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ai_on_eks.placement.fleet.problem import Choice, Option, PackingProblem, Pool

UNBOUNDED = float("inf")

Row = list[tuple[int, float]]
"""(column, coefficient) of a sum."""

Tight = frozenset[tuple[int, int]]
"""(model, pool) where the least number of nodes would crowd a model that spreads (`fleet.packing`)."""


@dataclass(slots=True)
class Program:
    """Columns are options first, in the problem's order, then the nodes of the pools. All are whole numbers.

    costs, upper          by column; the lowest value is 0
    rows, least, most     sums and between what they lie
    """

    costs: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    least: list[float] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def column(self, cost: float, upper: float) -> int:
        self.costs.append(cost)
        self.upper.append(upper)
        return len(self.costs) - 1

    def row(self, terms: Row, least: float, most: float = UNBOUNDED) -> None:
        self.rows.append(terms)
        self.least.append(least)
        self.most.append(most)


Seat = tuple[int, Option, int]
"""(model, option, column) of an option of one pool; of models that are alike the first."""


def scheduled(problem: PackingProblem, tight: Tight = frozenset()) -> Program:
    """What a scheduler is certain to find. Where `tight`, the room of a whole node is kept free beside the model's last
    replica, so that not all of them can be driven onto one."""
    program, seats = _options(problem)
    for index, pool in enumerate(problem.pools):
        shared, nodes = program.column(0.0, UNBOUNDED), _nodes(program, pool)
        here = seats[index]
        taken = [(column, -float(option.units)) for _, option, column in here if option.units]
        full = [
            (c, -float(option.units // pool.units))
            for _, option, c in here
            if option.units and option.share >= pool.units
        ]
        program.row([(shared, pool.units), *taken], 0.0)
        program.row([*nodes, (shared, -1.0), *((column, -float(own)) for own, column in _own(here))], 0.0)
        for model, option, column in here:
            if not problem.models[model].spread or option.own_nodes is not None or option.share >= pool.units:
                continue
            program.row([(shared, 1.0), *full, (column, -2.0)], 0.0)
            if (model, index) in tight:
                kept = float(pool.units - option.share)
                more = [(other, value - kept if other == column else value) for other, value in taken]
                program.row([(shared, pool.units), *more], 0.0)
    return program


def relaxed(problem: PackingProblem) -> Program:
    """What no packing can do without."""
    program, seats = _options(problem)
    for index, pool in enumerate(problem.pools):
        nodes, here = _nodes(program, pool), seats[index]
        full = [(column, -float(option.full_nodes)) for _, option, column in here if option.full_nodes]
        for terms in _floors(pool, here):
            program.row([*nodes, *terms], 0.0)
        for model, option, column in here:
            if problem.models[model].spread and not option.full_nodes:
                program.row([*nodes, *full, (column, -2.0)], 0.0)
    return program


def choice_of(problem: PackingProblem, values: list[float]) -> Choice:
    """The option of each model, from a solution of either program. Of models that are alike the first in the problem's
    order get the first options."""
    found = [0] * len(problem.models)
    start = 0
    for members in _alike(problem):
        options = problem.models[members[0]].options
        counts = [round(value) for value in values[start : start + len(options)]]
        picks = [index for index, count in enumerate(counts) for _ in range(count)]
        for member, index in zip(members, picks, strict=True):
            found[member] = index
        start += len(options)
    return tuple(found)


def _alike(problem: PackingProblem) -> tuple[tuple[int, ...], ...]:
    """Models with the same options, which the program counts instead of telling them apart: permuting them changes
    nothing, and a search would try every permutation. A model that spreads is looked at by itself."""
    groups: dict[object, list[int]] = {}
    for index, model in enumerate(problem.models):
        groups.setdefault(index if model.spread else model.options, []).append(index)
    return tuple(tuple(members) for members in groups.values())


def _options(problem: PackingProblem) -> tuple[Program, list[list[Seat]]]:
    program = Program()
    seats: list[list[Seat]] = [[] for _ in problem.pools]
    for members in _alike(problem):
        options, count = problem.models[members[0]].options, float(len(members))
        columns = [program.column(0.0, count) for _ in options]
        program.row([(column, 1.0) for column in columns], count, count)
        for option, column in zip(options, columns, strict=True):
            seats[option.pool].append((members[0], option, column))
    return program, seats


def _nodes(program: Program, pool: Pool) -> Row:
    bought = program.column(pool.ranked_usd_per_hour, UNBOUNDED)
    return [(bought, 1.0), (program.column(0.0, float(pool.reserved)), 1.0)] if pool.reserved else [(bought, 1.0)]


def _own(seats: Iterable[Seat]) -> Iterator[tuple[int, int]]:
    return ((option.own_nodes, column) for _, option, column in seats if option.own_nodes is not None)


def _floors(pool: Pool, seats: list[Seat]) -> Iterator[Row]:
    """Parts of a node, negative, by resource. A bound that another one outweighs for every option adds nothing."""
    bounds = [option.nodes_at_least(pool.room) for _, option, _ in seats]
    kinds = [list(values) for values in zip(*bounds, strict=True)]
    for kind, parts in enumerate(kinds):
        if any(_outweighs(kinds[other], parts, earlier=other < kind) for other in range(len(kinds)) if other != kind):
            continue
        yield [(column, -part) for (_, _, column), part in zip(seats, parts, strict=True) if part]


def _outweighs(these: list[float], those: list[float], *, earlier: bool) -> bool:
    if these == those:
        return earlier
    return all(this >= that for this, that in zip(these, those, strict=True))
