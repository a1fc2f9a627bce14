"""What is decided for a fleet, as plain values: the pools nodes can be bought in, and each model's ways to use them.

Nothing here knows a model, a catalogue or a solver, so that a test can state a case in one line and try every answer.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.placement.fleet.shares import Resources

UNPRICED_USD_PER_HOUR = 10_000.0
"""Stands for a price nobody publishes, 70 times the dearest published one (p6-b300.48xlarge): such nodes are used only
where nothing else serves a model, and as few as can be. The plan shows no sum then."""


class Pool(Struct, frozen=True):
    """Nodes of one instance type that are bought in one way.

    units                  accelerators a node shows; 1 where it shows none
    room                   what one node has for models
    usd_per_hour           of one node; None where no price is published
    reserved               nodes that are paid for already
    """

    name: str
    units: int
    room: Resources
    usd_per_hour: float | None
    reserved: int = 0

    @property
    def ranked_usd_per_hour(self) -> float:
        return UNPRICED_USD_PER_HOUR if self.usd_per_hour is None else self.usd_per_hour

    def cost(self, nodes: int) -> float:
        """Dollars an hour for so many nodes, reserved ones first."""
        return max(0, nodes - self.reserved) * self.ranked_usd_per_hour


NO_RESOURCES = Resources(0, 0, 0, 0)


class Option(Struct, frozen=True):
    """One way to run all replicas of a model.

    pool         index into `PackingProblem.pools`
    share        units that one replica takes; of all its nodes together where it spans several
    floor        resources that all replicas need together, at least: what no packing can do without
    apart        replicas of which no two fit on one node, by the resource of which each needs more than half
    full_nodes   those of them on which no other model's replica finds room
    own_nodes    nodes that hold the replicas and no other model; None where they share the pool's nodes
    """

    pool: int
    replicas: int
    share: int
    floor: Resources
    apart: Resources = NO_RESOURCES
    full_nodes: int = 0
    own_nodes: int | None = None

    @property
    def units(self) -> int:
        """Units of the pool's shared nodes that all replicas take together."""
        return 0 if self.own_nodes is not None else self.replicas * self.share

    def nodes_at_least(self, room: Resources) -> tuple[float, ...]:
        """Bounds of the nodes that the replicas take, each of which adds up over all models on a pool's nodes: parts of
        a node by resource, then replicas that need more than half of it by resource.

        Only bounds of the same resource may be added: of two replicas one may need most of the memory and the other
        most of the processor, and both find room on one node. Nodes without room for anybody else count whole in each.
        """
        parts = (needed / present if needed else 0.0 for needed, present in self.floor.pairs(room))
        halves = (float(count) for count, _ in self.apart.pairs(room))
        return tuple(max(bound, float(self.full_nodes)) for bound in (*parts, *halves))


class Model(Struct, frozen=True):
    """A model's options, best first. `spread` asks for replicas on two nodes at least."""

    name: str
    options: tuple[Option, ...]
    spread: bool = False


class PackingProblem(Struct, frozen=True):
    """All pools and all models; every model has an option."""

    pools: tuple[Pool, ...]
    models: tuple[Model, ...]


Choice = tuple[int, ...]
"""For each model the index of its option."""


class Answer(Struct, frozen=True):
    """A choice and what was proved of it.

    bound_usd_per_hour  no way to put the replicas on nodes costs less, whatever schedules them
    solved              a solver was asked; otherwise counting alone proved the choice
    """

    choice: Choice
    usd_per_hour: float
    bound_usd_per_hour: float
    solved: bool


def chosen(problem: PackingProblem, choice: Choice) -> tuple[Option, ...]:
    """Each model's option."""
    return tuple(model.options[index] for model, index in zip(problem.models, choice, strict=True))
