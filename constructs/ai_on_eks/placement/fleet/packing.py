"""Which replica lies on which node: larger shares first, each on the node with the fewest of its own model, then the
emptiest. Any node with room would do for the count (`fleet.shares`); this one spreads a model as its pods ask to be.

    nodes = ⌈units taken ÷ units of a node⌉, at least two under a model that spreads; one more where the larger shares
            leave room on a single node only and a model that spreads would have all its replicas there
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush

from msgspec import Struct

from ai_on_eks.placement.fleet.problem import Choice, Option, PackingProblem, chosen
from ai_on_eks.placement.fleet.shares import nodes_for

Node = dict[int, int]
"""Replicas on one node, by the model's index."""


class Packing(Struct, frozen=True):
    """The nodes of one pool.

    shared     nodes that models share, in the order they are filled
    own        nodes of one model alone, by the model's index
    crowded    models that spread and would have had all replicas on one node of the least number of nodes
    """

    shared: tuple[Node, ...]
    own: dict[int, tuple[Node, ...]]
    crowded: tuple[int, ...] = ()

    @property
    def nodes(self) -> int:
        return len(self.shared) + sum(len(nodes) for nodes in self.own.values())


def pack(problem: PackingProblem, choice: Choice) -> tuple[Packing, ...]:
    """The nodes of every pool."""
    seated: list[list[int]] = [[] for _ in problem.pools]
    options = chosen(problem, choice)
    for index, option in enumerate(options):
        seated[option.pool].append(index)
    return tuple(_pack_pool(problem, pool, options, members) for pool, members in enumerate(seated))


def cost_of(problem: PackingProblem, packings: Sequence[Packing]) -> float:
    """Dollars an hour of all nodes, reserved ones first."""
    return sum(pool.cost(packing.nodes) for pool, packing in zip(problem.pools, packings, strict=True))


def _pack_pool(problem: PackingProblem, pool: int, options: Sequence[Option], members: Sequence[int]) -> Packing:
    own = {index: _own(index, options[index], options[index].own_nodes or 0) for index in members}
    sharing = [index for index in members if options[index].own_nodes is None]
    spreading = {index for index in sharing if problem.models[index].spread}
    units = problem.pools[pool].units
    count = nodes_for(sum(options[index].units for index in sharing), units)
    if spreading:
        count = max(count, 2)
    shared = _fill(problem, options, sharing, count=count, units=units)
    crowded = tuple(sorted(index for index in spreading if _nodes_with(index, shared) < 2))
    if crowded:
        shared = _fill(problem, options, sharing, count=count + 1, units=units)
    return Packing(tuple(shared), {index: nodes for index, nodes in own.items() if nodes}, crowded)


def _fill(
    problem: PackingProblem, options: Sequence[Option], members: Sequence[int], *, count: int, units: int
) -> list[Node]:
    nodes: list[Node] = [{} for _ in range(count)]
    heap = [(-units, position) for position in range(count)]  # emptiest first
    # models that spread go before others of their size, while there is still a choice of nodes
    order = sorted(members, key=lambda index: (-options[index].share, not problem.models[index].spread, index))
    for index in order:
        share, left = options[index].share, options[index].replicas
        if share > units:
            _take_whole(nodes, heap, index, left * share // units)
            continue
        while left:
            left -= _one_each(nodes, heap, index, share, left)
    return nodes


def _one_each(nodes: list[Node], heap: list[tuple[int, int]], index: int, share: int, wanted: int) -> int:
    """One replica on each node with room, as far as they go; how many that were."""
    used: list[tuple[int, int]] = []
    while len(used) < wanted and heap and -heap[0][0] >= share:
        taken, position = heappop(heap)
        nodes[position][index] = nodes[position].get(index, 0) + 1
        used.append((taken + share, position))
    if not used:
        raise AssertionError("sizes that divide one another leave room on some node")
    for entry in used:
        heappush(heap, entry)
    return len(used)


def _take_whole(nodes: list[Node], heap: list[tuple[int, int]], index: int, count: int) -> None:
    """Replicas over several nodes each; these come first, so the nodes are empty."""
    for _ in range(count):
        _, position = heappop(heap)
        nodes[position][index] = 1
        heappush(heap, (0, position))


def _own(index: int, option: Option, count: int) -> tuple[Node, ...]:
    """Replicas dealt out evenly over nodes of their own."""
    if not count:
        return ()
    each, more = divmod(option.replicas, count)
    return tuple({index: each + (position < more)} for position in range(count))


def _nodes_with(index: int, nodes: Sequence[Node]) -> int:
    return sum(index in node for node in nodes)
