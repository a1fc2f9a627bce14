"""Small fleets as plain values, every packing of them by trying all, and a scheduler that knows no plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from random import Random

from hypothesis import strategies as st
from msgspec import Struct

from ai_on_eks.placement.fleet.options import option_for
from ai_on_eks.placement.fleet.problem import Model, PackingProblem, Pool
from ai_on_eks.placement.fleet.shares import Resources

CPU_PER_ACCELERATOR = 8000
MEMORY_PER_ACCELERATOR = 1000


class Way(Struct, frozen=True):
    """A model's way in a pool: so many replicas that need this each."""

    pool: int
    replicas: int
    demand: Resources


class Case(Struct, frozen=True):
    """A fleet before anything is decided: each model with its ways, and whether it spreads."""

    pools: tuple[Pool, ...]
    ways: tuple[tuple[Way, ...], ...]
    spread: tuple[bool, ...]

    def problem(self) -> PackingProblem:
        models = []
        for index, (ways, spread) in enumerate(zip(self.ways, self.spread, strict=True)):
            found = [option_for(way.pool, self.pools[way.pool], way.demand, way.replicas) for way in ways]
            options = tuple(option for option in found if option is not None)
            models.append(Model(f"model-{index}", options, spread))
        return PackingProblem(self.pools, tuple(models))


def pool(name: str, units: int, usd_per_hour: float, reserved: int = 0) -> Pool:
    room = Resources(units, CPU_PER_ACCELERATOR * units, MEMORY_PER_ACCELERATOR * units, 50)
    return Pool(name, units, room, usd_per_hour, reserved)


def demand(accelerators: int, memory: int | None = None) -> Resources:
    return Resources(
        accelerators,
        1500 + 1000 * accelerators,
        MEMORY_PER_ACCELERATOR * accelerators // 2 if memory is None else memory,
    )


@st.composite
def cases(draw: st.DrawFn, *, aligned: bool, spreading: bool) -> Case:
    """Up to three models in up to three pools. `aligned`: sizes divide one another and memory never binds."""
    sizes = (1, 2, 4, 8)
    pools = tuple(
        pool(f"pool-{index}", draw(st.sampled_from(sizes)), draw(st.integers(1, 20)) / 4, draw(st.integers(0, 1)))
        for index in range(draw(st.integers(1, 3)))
    )
    ways: list[tuple[Way, ...]] = []
    spread: list[bool] = []
    for _ in range(draw(st.integers(1, 3))):
        spread.append(spreading and draw(st.booleans()))
        mine = draw(st.lists(st.sampled_from(range(len(pools))), min_size=1, max_size=2, unique=True))
        least = 1 + spread[-1]
        ways.append(tuple(draw(_way(index, pools[index].units, aligned=aligned, least=least)) for index in mine))
    return Case(pools, tuple(ways), tuple(spread))


@st.composite
def _way(draw: st.DrawFn, index: int, units: int, *, aligned: bool, least: int) -> Way:
    replicas = draw(st.integers(least, 3))
    if aligned:
        return Way(index, replicas, demand(draw(st.sampled_from([size for size in (1, 2, 4, 8) if size <= units]))))
    accelerators = draw(st.integers(1, units))
    memory = draw(st.integers(1, MEMORY_PER_ACCELERATOR * units))
    return Way(index, replicas, demand(accelerators, memory))


def least_cost(case: Case) -> float:
    """By trying every choice and every packing, as no scheduler could."""
    return min(
        sum(pool.cost(_least_nodes(case, ways, index)) for index, pool in enumerate(case.pools))
        for ways in product(*case.ways)
    )


def _least_nodes(case: Case, ways: Sequence[Way], index: int) -> int:
    items = [(model, way.demand) for model, way in enumerate(ways) if way.pool == index for _ in range(way.replicas)]
    spreading = {model for model, _ in items if case.spread[model]}
    items.sort(key=lambda item: -item[1].accelerators)
    return min(
        (len(nodes) for nodes in _packings(items, case.pools[index].room) if _spread(nodes, spreading)), default=0
    )


Nodes = list[list[tuple[int, Resources]]]


def _packings(items: list[tuple[int, Resources]], room: Resources) -> Iterator[Nodes]:
    def place(position: int, nodes: Nodes) -> Iterator[Nodes]:
        if position == len(items):
            yield nodes
            return
        item = items[position]
        seen: set[tuple[tuple[int, Resources], ...]] = set()
        for number, node in enumerate(nodes):
            key = tuple(sorted(node, key=lambda held: (held[0], held[1].accelerators, held[1].memory_bytes)))
            if key not in seen and together([*node, item]).fits(room):
                seen.add(key)
                yield from place(position + 1, [*nodes[:number], [*node, item], *nodes[number + 1 :]])
        yield from place(position + 1, [*nodes, [item]])

    yield from place(0, [])


def _spread(nodes: Nodes, spreading: set[int]) -> bool:
    return all(sum(any(model == held for held, _ in node) for node in nodes) >= 2 for model in spreading)


def together(items: Sequence[tuple[int, Resources]]) -> Resources:
    return Resources(
        sum(one.accelerators for _, one in items),
        sum(one.cpu_millicores for _, one in items),
        sum(one.memory_bytes for _, one in items),
        len(items),
    )


def schedule(
    pods: Sequence[tuple[int, Resources]], room: Resources, nodes: int, random: Random
) -> list[list[tuple[int, Resources]]] | None:
    """(priority, demand) pods in any order on any node with room; a pod without room moves smaller ones out of the way.

    None where some pod stays pending.
    """
    on: list[list[tuple[int, Resources]]] = [[] for _ in range(nodes)]
    queue = list(pods)
    random.shuffle(queue)
    while queue:
        pod = queue.pop(0)
        free = [node for node in on if together([*node, pod]).fits(room)]
        if free:
            random.choice(free).append(pod)
            continue
        kept = [[held for held in node if held[0] >= pod[0]] for node in on]
        possible = [number for number in range(nodes) if together([*kept[number], pod]).fits(room)]
        if not possible:
            return None
        number = random.choice(possible)
        queue += [held for held in on[number] if held[0] < pod[0]]
        on[number] = [*kept[number], pod]
    return on
