"""From a problem to a choice and the bound that was proved of it.

1  each model's cheapest option by itself; where none can cost less than its part of a node, that is the answer
2  the relaxed program: its bound holds for every packing; where its own choice costs no more, that is the answer
3  the scheduled program, again with more room for each model that would be crowded onto one node, until none is
4  of all choices seen the cheapest, moved towards each model's own preference where that costs nothing
"""

from __future__ import annotations

from ai_on_eks.placement.fleet.packing import cost_of, pack
from ai_on_eks.placement.fleet.problem import Answer, Choice, Model, Option, PackingProblem, Pool
from ai_on_eks.placement.fleet.program import Tight, choice_of, relaxed, scheduled
from ai_on_eks.placement.fleet.settling import settled
from ai_on_eks.placement.fleet.shares import nodes_for

SAME = 1e-6
"""Dollars an hour below which two costs are one; no published price has more decimals."""

BOUNDS = 8
"""Of `Option.nodes_at_least`."""

ROUNDS = 12
"""Of step 3. Each adds room for at least one more model; what is left then is paid for with one node more."""


def search(problem: PackingProblem) -> Answer:
    """The cheapest choice found. Equal problems give equal answers."""
    alone = tuple(cheapest_alone(problem, model) for model in problem.models)
    cost, bound = _cost(problem, alone), _counted_bound(problem, alone)
    if cost <= bound + SAME:
        return Answer(alone, cost, cost, solved=False)
    from ai_on_eks.placement.fleet.solver import relative_gap, solve  # noqa: PLC0415 - the solver's module is loaded where it is asked

    program = relaxed(problem)
    found, gap = solve(program), relative_gap(program)
    bound = max(bound, found.bound)
    choices = [alone, choice_of(problem, found.values)]
    tight: Tight = frozenset()
    for _ in range(ROUNDS):
        if _cost(problem, choices[-1]) <= bound * (1 + gap) + SAME:
            break
        choices.append(choice_of(problem, solve(scheduled(problem, tight)).values))
        crowded = _crowded(problem, choices[-1])
        if crowded <= tight:
            break
        tight |= crowded
    best = min(choices, key=lambda choice: _cost(problem, choice))
    best = min((settled(problem, best), best), key=lambda choice: _cost(problem, choice))
    cost = _cost(problem, best)
    return Answer(best, cost, min(bound, cost), solved=True)


def _cost(problem: PackingProblem, choice: Choice) -> float:
    return cost_of(problem, pack(problem, choice))


def _crowded(problem: PackingProblem, choice: Choice) -> Tight:
    return frozenset((model, pool) for pool, packing in enumerate(pack(problem, choice)) for model in packing.crowded)


def cheapest_alone(problem: PackingProblem, model: Model) -> int:
    """The option that costs least with no other model in the fleet; the model's own order where several do."""
    costs = [problem.pools[option.pool].cost(nodes_alone(problem.pools, model, option)) for option in model.options]
    return costs.index(min(costs))


def nodes_alone(pools: tuple[Pool, ...], model: Model, option: Option) -> int:
    """Nodes of a model that has them to itself."""
    if option.own_nodes is not None:
        return option.own_nodes
    return max(nodes_for(option.units, pools[option.pool].units), 2 if model.spread else 0)


def _counted_bound(problem: PackingProblem, alone: Choice) -> float:
    """A bound that needs no solver: of one resource each model pays at least for its part of the nodes it lies on.

    A pool whose first node costs as much as the whole choice can be in no cheaper one.
    """
    cost = _cost(problem, alone)
    if len(problem.models) == 1:
        return cost
    usable = [pool.reserved > 0 or pool.ranked_usd_per_hour < cost for pool in problem.pools]
    by_model = [
        [_least_costs(problem.pools[option.pool], option) for option in model.options if usable[option.pool]]
        or [(cost,) * BOUNDS]
        for model in problem.models
    ]
    return max(sum(min(option[kind] for option in options) for options in by_model) for kind in range(BOUNDS))


def _least_costs(pool: Pool, option: Option) -> tuple[float, ...]:
    if pool.reserved:
        return (0.0,) * BOUNDS
    return tuple(bound * pool.ranked_usd_per_hour for bound in option.nodes_at_least(pool.room))
