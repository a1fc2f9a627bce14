"""Of choices that cost the same, the one that leaves most models with what they would have chosen themselves.

A solver returns any optimum. Model by model, in the problem's order, the first option that makes nothing dearer is
taken, and again until nothing moves: each step leaves one model better off and none worse, so it ends.
"""

from __future__ import annotations

from ai_on_eks.placement.fleet.problem import Choice, Option, PackingProblem
from ai_on_eks.placement.fleet.shares import nodes_for

NOTHING = 1e-9
"""Dollars an hour: the error of adding prices up."""


def settled(problem: PackingProblem, choice: Choice) -> Choice:
    """The choice after all moves that cost nothing."""
    pools = _Pools(problem)
    current = list(choice)
    for model, index in enumerate(current):
        pools.put(model, problem.models[model].options[index])
    moved = True
    while moved:
        moved = False
        for model, index in enumerate(current):
            options = problem.models[model].options
            for better in range(index):
                if pools.move(model, options[current[model]], options[better]):
                    current[model], moved = better, True
                    break
    return tuple(current)


class _Pools:
    """What is taken of each pool, and what that costs."""

    def __init__(self, problem: PackingProblem) -> None:
        self._problem = problem
        self._units = [0] * len(problem.pools)
        self._own = [0] * len(problem.pools)
        self._spreading = [0] * len(problem.pools)

    def put(self, model: int, option: Option, sign: int = 1) -> None:
        self._units[option.pool] += sign * option.units
        self._own[option.pool] += sign * (option.own_nodes or 0)
        self._spreading[option.pool] += sign * (self._problem.models[model].spread and option.units > 0)

    def move(self, model: int, old: Option, new: Option) -> bool:
        """Move the model if that costs nothing; otherwise leave everything as it was."""
        touched = {old.pool, new.pool}
        before = sum(map(self._cost, touched))
        self.put(model, old, -1)
        self.put(model, new)
        if sum(map(self._cost, touched)) <= before + NOTHING:
            return True
        self.put(model, new, -1)
        self.put(model, old)
        return False

    def _cost(self, index: int) -> float:
        pool = self._problem.pools[index]
        shared = nodes_for(self._units[index], pool.units)
        return pool.cost(max(shared, 2 if self._spreading[index] else 0) + self._own[index])
