"""What is chosen for a fleet costs the least there is, by trying everything; and any scheduler finds the packing."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest
from fleet_cases import Case, Way, cases, demand, least_cost, pool, schedule
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ai_on_eks.placement.fleet.packing import cost_of, pack
from ai_on_eks.placement.fleet.problem import PackingProblem, Pool, chosen
from ai_on_eks.placement.fleet.search import search
from ai_on_eks.placement.fleet.shares import Resources, divisor_chain, nodes_for, share_of

NEAR = 1e-6
many = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("units", "chain"), [(1, (1,)), (4, (1, 2, 4)), (6, (1, 2, 6)), (8, (1, 2, 4, 8)), (12, (1, 2, 4, 12)), (7, (1, 7))]
)
def test_sizes_of_a_chain_divide_one_another(units: int, chain: tuple[int, ...]) -> None:
    assert divisor_chain(units) == chain


@pytest.mark.parametrize(
    ("needed", "share"),
    [
        (Resources(1, 2500, 100), 1),
        (Resources(3, 4500, 100), 4),  # three of eight cannot be dealt out without a gap
        (Resources(1, 2500, 1001), 2),  # as much memory as two accelerators' part
        (Resources(1, 2500, 8001), None),
        (Resources(9, 2500, 1), None),
    ],
)
def test_a_share_holds_all_that_a_replica_needs(needed: Resources, share: int | None) -> None:
    assert share_of(needed, Resources(8, 64_000, 8_000, 50), 8) == share


@many
@given(cases(aligned=True, spreading=False))
def test_where_sizes_divide_one_another_the_least_cost_is_found_and_proved(case: Case) -> None:
    answer = search(case.problem())
    least = least_cost(case)
    assert answer.usd_per_hour == pytest.approx(least)
    assert answer.bound_usd_per_hour == pytest.approx(least)


@many
@given(cases(aligned=True, spreading=True))
def test_with_models_that_spread_the_bound_holds_and_one_node_more_is_the_most(case: Case) -> None:
    answer = search(case.problem())
    least = least_cost(case)
    assert answer.bound_usd_per_hour <= least + NEAR
    assert least <= answer.usd_per_hour + NEAR
    assert answer.usd_per_hour <= least + max(one.ranked_usd_per_hour for one in case.pools) + NEAR


ROOM = Resources(accelerators=4, cpu_millicores=32_000, memory_bytes=4000, pods=50)
LITTLE = Resources(accelerators=1, cpu_millicores=2500, memory_bytes=1)
MOST_MEMORY = Resources(accelerators=1, cpu_millicores=2500, memory_bytes=2001)
MOST_PROCESSOR = Resources(accelerators=1, cpu_millicores=17_000, memory_bytes=1)


def on_one_node(*demands: Resources) -> Case:
    """Models of one replica each in a pool of which one node holds them all."""
    shared = Pool("pool", units=4, room=ROOM, usd_per_hour=0.25)
    ways = tuple((Way(pool=0, replicas=1, demand=demand),) for demand in demands)
    return Case((shared,), ways, (False,) * len(demands))


@many
@example(on_one_node(LITTLE, MOST_MEMORY))
@example(on_one_node(MOST_PROCESSOR, MOST_MEMORY))
@given(cases(aligned=False, spreading=True))
def test_no_packing_whatever_costs_less_than_the_bound(case: Case) -> None:
    if any(not model.options for model in case.problem().models):
        return
    answer = search(case.problem())
    least = least_cost(case)
    assert answer.bound_usd_per_hour <= least + NEAR
    assert least <= answer.usd_per_hour + NEAR


@many
@given(cases(aligned=False, spreading=False), st.randoms(use_true_random=False))
def test_pods_in_any_order_on_any_node_all_find_room(case: Case, random: Random) -> None:
    # GIVEN the nodes that were counted, and pods whose priority is their share
    problem = case.problem()
    if any(not model.options for model in problem.models):
        return
    answer = search(problem)
    options = chosen(problem, answer.choice)
    for index, packing in enumerate(pack(problem, answer.choice)):
        pods = [
            (option.share, Resources(*(value // option.replicas for value, _ in option.floor.pairs(option.floor))))
            for option in options
            if option.pool == index and option.own_nodes is None
            for _ in range(option.replicas)
        ]
        # THEN no order and no choice of nodes leaves one pending
        assert schedule(pods, problem.pools[index].room, len(packing.shared), random) is not None


def test_without_priorities_a_large_replica_may_find_no_room() -> None:
    """Why pods need them: the same pods and nodes, but none may move another."""
    room = Resources(8, 64_000, 8_000, 50)
    pods = [(1, demand(8)), *[(1, demand(1))] * 8]
    orders = [Random(seed) for seed in range(20)]  # noqa: S311 - any order will do
    outcomes = [schedule(pods, room, 2, order) for order in orders]
    assert None in outcomes
    ranked = [(8, demand(8)), *[(1, demand(1))] * 8]
    assert all(schedule(ranked, room, 2, order) for order in orders)


@many
@given(cases(aligned=True, spreading=False), st.randoms(use_true_random=False))
def test_one_model_more_never_makes_a_fleet_cheaper(case: Case, random: Random) -> None:
    fewer = random.randrange(len(case.ways))
    kept = [index for index in range(len(case.ways)) if index != fewer]
    if not kept:
        return
    less = Case(case.pools, tuple(case.ways[i] for i in kept), tuple(case.spread[i] for i in kept))
    assert search(less.problem()).usd_per_hour <= search(case.problem()).usd_per_hour + NEAR


@many
@given(cases(aligned=False, spreading=True))
def test_every_node_holds_what_lies_on_it_and_every_replica_lies_somewhere(case: Case) -> None:
    problem = case.problem()
    if any(not model.options for model in problem.models):
        return
    answer = search(problem)
    options = chosen(problem, answer.choice)
    packings = pack(problem, answer.choice)
    assert cost_of(problem, packings) == pytest.approx(answer.usd_per_hour)
    placed = [0] * len(options)
    for packing in packings:
        for node in packing.shared:
            assert sum(replicas * options[model].share for model, replicas in node.items()) <= max(
                problem.pools[options[model].pool].units for model in node
            )
            for model, replicas in node.items():
                placed[model] += replicas
    assert placed == [option.replicas for option in options]
    for model, spread in enumerate(case.spread):
        if spread:
            assert sum(model in node for packing in packings for node in packing.shared) >= 2


def test_sharing_makes_a_large_node_worth_while() -> None:
    # GIVEN two models that need half of a node each, or a dearer node of their own
    pools = (pool("large", 8, 10.0), pool("small", 4, 6.0))
    ways = (Way(0, 1, demand(4)), Way(1, 1, demand(4)))
    case = Case(pools, (ways, ways), (False, False))

    # THEN both lie on the large one, though each alone would not
    answer = search(case.problem())
    assert answer.usd_per_hour == 10.0
    assert answer.bound_usd_per_hour == pytest.approx(10.0)
    assert [problem_pool(case.problem(), answer.choice, i) for i in (0, 1)] == ["large", "large"]


def test_reserved_nodes_are_used_first_though_they_are_larger_than_needed() -> None:
    pools = (pool("large", 8, 50.0, reserved=1), pool("small", 1, 1.0))
    ways = (Way(1, 1, demand(1)), Way(0, 1, demand(1)))
    case = Case(pools, (ways,) * 9, (False,) * 9)
    answer = search(case.problem())
    assert answer.usd_per_hour == pytest.approx(1.0)  # eight fit on the reserved node
    assert answer.bound_usd_per_hour == pytest.approx(1.0)


def test_among_equal_costs_models_keep_what_they_prefer() -> None:
    pools = (pool("dear", 1, 2.0), pool("first", 1, 1.0), pool("second", 1, 1.0))
    preferring = (Way(1, 1, demand(1)), Way(2, 1, demand(1)), Way(0, 1, demand(1)))
    case = Case(pools, (preferring,) * 3, (False,) * 3)
    assert search(case.problem()).choice == (0, 0, 0)


def test_the_order_of_models_changes_nothing_but_the_order_of_the_answer() -> None:
    pools = (pool("large", 8, 10.0), pool("small", 4, 6.0), pool("one", 1, 2.0))
    models = [
        (Way(0, 1, demand(4)), Way(1, 1, demand(4))),
        (Way(0, 3, demand(1)), Way(2, 3, demand(1))),
        (Way(0, 1, demand(2)), Way(1, 1, demand(2))),
        (Way(2, 2, demand(1)),),
    ]
    shuffled = [Case(pools, tuple(order), (False,) * 4) for order in permutations(models)]
    assert len({round(search(case.problem()).usd_per_hour, 6) for case in shuffled}) == 1


def test_no_solver_is_asked_where_counting_is_proof() -> None:
    alone = Case((pool("one", 1, 2.0),), ((Way(0, 2, demand(1)),),) * 5, (False,) * 5)
    assert not search(alone.problem()).solved
    single = Case((pool("large", 8, 10.0),), ((Way(0, 2, demand(4)),),), (False,))
    assert not search(single.problem()).solved


def test_nodes_are_counted_whole() -> None:
    assert [nodes_for(units, 8) for units in (0, 1, 8, 9)] == [0, 1, 1, 2]


def problem_pool(problem: PackingProblem, choice: tuple[int, ...], model: int) -> str:
    return problem.pools[problem.models[model].options[choice[model]].pool].name
