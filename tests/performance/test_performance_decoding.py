"""Decoding: exact where the parts can be added by hand, and the directions they must move in."""

from __future__ import annotations

from math import hypot
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from performance_models import BF16, BODY, DENSE, FP8, HEAD, MACHINE, MIXTURE, ideal

from ai_on_eks.descriptors.inventory import Inventory
from ai_on_eks.performance.calibration import Constants, constants
from ai_on_eks.performance.decoding import decode
from ai_on_eks.performance.divided import divide
from ai_on_eks.performance.estimate import NOTHING, estimate
from ai_on_eks.performance.machine import Division, Machine
from ai_on_eks.performance.types import Estimates, Figures
from ai_on_eks.sizing.types import Load

WEIGHTS_BYTES = 2 * (HEAD.parameters + BODY.parameters)
CACHE_BYTES_PER_TOKEN = 2 * 32 * 8 * 256


def figures(
    of: Constants,
    *,
    inventory: Inventory = DENSE,
    machine: Machine = MACHINE,
    division: Division = Division(),  # noqa: B008 - frozen
    prompt: int = 1000,
    output: int = 200,
    sequences: int = 1,
    waiting: int = 0,
    fp8: bool = False,
) -> Figures:
    return decode(
        divide(inventory, FP8 if fp8 else BF16, machine, division),
        of,
        prompt_tokens=prompt,
        output_tokens=output,
        sequences=sequences,
        waiting=waiting,
    )


def real(inventory: Inventory = DENSE, sequences: int = 8, context: int = 2048, **machine: Any) -> Estimates:
    division = machine.pop("division", Division())
    return estimate(
        inventory,
        BF16,
        Load(context, sequences),
        replace(MACHINE, generation="hopper", **machine),
        division,
        engine="vllm",
        output_tokens=128,
        sequences=sequences,
    )


def test_given_one_sequence_when_it_decodes_then_a_step_reads_weights_and_cache() -> None:
    expected = (WEIGHTS_BYTES + 1100 * CACHE_BYTES_PER_TOKEN) / 4e12
    assert figures(ideal()).tpot_s == pytest.approx(expected)


def test_given_shares_when_it_decodes_then_each_part_is_longer_by_its_own() -> None:
    expected = WEIGHTS_BYTES / (4e12 * 0.8) + 1100 * CACHE_BYTES_PER_TOKEN / (4e12 * 0.5)
    assert figures(ideal(bandwidth=0.8, cache_bandwidth=0.5)).tpot_s == pytest.approx(expected)


def test_given_many_sequences_when_they_decode_then_operations_bound_the_products() -> None:
    # 4,096 tokens × 16e9 operations ÷ 1e15 is more than 16 GB ÷ 4 TB/s
    sequences = 4096
    expected = sequences * (DENSE.operations.per_item / 1e15 + 1100 * CACHE_BYTES_PER_TOKEN / 4e12)
    assert figures(ideal(), sequences=sequences).tpot_s == pytest.approx(expected)


def test_given_a_prompt_when_it_is_computed_then_its_head_counts_once() -> None:
    body = 1000 * (2 * BODY.parameters + DENSE.operations.attending(500)) / 1e15
    head = 2 * HEAD.parameters / 4e12  # its weights take longer to read than to multiply once
    step_s = figures(ideal()).tpot_s
    assert step_s is not None
    assert figures(ideal()).ttft_s == pytest.approx(body + head + step_s)


def test_given_fp8_when_a_prompt_is_computed_then_its_body_runs_at_that_peak() -> None:
    attending = 1000 * DENSE.operations.attending(500) / 1e15
    body = 1000 * 2 * BODY.parameters / 2e15
    narrow = figures(ideal(), fp8=True)
    assert narrow.tpot_s is not None
    assert narrow.ttft_s - narrow.tpot_s == pytest.approx(attending + body + 2 * HEAD.parameters / 4e12)


@pytest.mark.parametrize(
    ("constant", "value", "step_more_s", "first_more_s"),
    [
        ("layer_s", 1e-5, 32e-5, 32e-5),
        ("step_s", 1e-3, 1e-3, 1e-3),
        ("sequence_s", 1e-4, 1e-4, 1e-4),
        ("first_token_s", 0.1, 0.0, 0.1),
    ],
)
def test_given_a_fixed_time_when_estimated_then_it_is_added_where_it_belongs(
    constant: str, value: float, step_more_s: float, first_more_s: float
) -> None:
    plain, more = figures(ideal()), figures(ideal(**{constant: value}))
    assert plain.tpot_s is not None
    assert more.tpot_s is not None
    assert more.tpot_s - plain.tpot_s == pytest.approx(step_more_s)
    assert more.ttft_s - plain.ttft_s == pytest.approx(first_more_s)


def test_given_launches_that_no_graph_holds_when_a_prompt_is_computed_then_both_count_as_the_root_of_squares() -> None:
    plain, more = figures(ideal()), figures(ideal(prompt_layer_s=1e-3))
    assert plain.tpot_s == more.tpot_s
    assert plain.tpot_s is not None
    assert more.ttft_s - plain.tpot_s == pytest.approx(hypot(plain.ttft_s - plain.tpot_s, 32e-3))


def test_given_short_prompts_when_they_come_together_then_they_share_a_pass_and_its_launches() -> None:
    # eight prompts of 1,024 tokens fit into a pass of 8,192
    few, many = (figures(ideal(burst=1.0, prompt_layer_s=1.0), sequences=count, prompt=1024) for count in (8, 9))
    one_more_s = many.ttft_s - few.ttft_s - ((many.tpot_s or 0.0) - (few.tpot_s or 0.0))
    assert one_more_s == pytest.approx(1 / 2 * 32 / 8, rel=0.01)


def test_given_sequences_running_when_prompts_come_between_then_tokens_and_first_tokens_wait_for_them() -> None:
    quiet = figures(ideal(), sequences=11, prompt=8192)
    busy = figures(ideal(interference=0.5, burst=0.2), sequences=11, prompt=8192)
    assert quiet.tpot_s is not None
    assert busy.tpot_s is not None
    prompt_s = quiet.ttft_s - quiet.tpot_s
    assert busy.tpot_s - quiet.tpot_s == pytest.approx(0.5 * 10 * prompt_s / 200)
    assert busy.ttft_s - quiet.ttft_s == pytest.approx(0.2 * 10 / 2 * prompt_s)


def test_given_more_than_fits_when_asked_then_the_rest_waits_for_lives_to_end() -> None:
    alone = figures(ideal(), sequences=4)
    queued = figures(ideal(), sequences=4, waiting=2)
    assert alone.tpot_s is not None
    prompt_s = alone.ttft_s - alone.tpot_s
    assert queued.ttft_s - alone.ttft_s == pytest.approx(0.5 * (prompt_s + 200 * alone.tpot_s))
    assert queued.tpot_s == alone.tpot_s


def test_given_two_stages_when_they_work_in_turn_then_a_step_takes_half_of_the_sequences_and_a_hop() -> None:
    one, two = figures(ideal(), sequences=8), figures(ideal(), sequences=8, division=Division(1, 2))
    half = figures(ideal(), sequences=4)
    hop_s = 4 * 4096 * 2 / 4e11
    assert one.tpot_s is not None
    assert two.tpot_s is not None
    assert half.tpot_s is not None
    assert two.tpot_s == pytest.approx(half.tpot_s + hop_s)
    assert two.tpot_s < one.tpot_s


def test_given_data_parallel_groups_when_they_decode_then_each_reads_its_own_cache_only() -> None:
    together = figures(ideal(), inventory=MIXTURE, sequences=8, division=Division(1, 1, 2, 2))
    alone = figures(ideal(), inventory=MIXTURE, sequences=4)
    assert together.tpot_s is not None
    assert alone.tpot_s is not None
    assert together.tpot_s < alone.tpot_s  # half of the experts on each rank
    assert together.output_tokens_per_s == pytest.approx(8 / together.tpot_s)


def test_given_whole_prompts_in_turn_when_a_batch_starts_then_all_are_computed_before_the_first_answer() -> None:
    turn = figures(ideal(prompts_in_turn=1.0), sequences=8)
    single = figures(ideal(), sequences=1, prompt=8000)
    assert turn.tpot_s is not None
    assert single.tpot_s is not None
    assert turn.ttft_s - turn.tpot_s == pytest.approx(single.ttft_s - single.tpot_s)


@pytest.mark.parametrize("missing", [{"dense_flops": {}}, {"bandwidth_bytes_per_second": 0.0}])
def test_given_no_peak_when_estimated_then_nothing_is_claimed(missing: dict[str, Any]) -> None:
    assert real(**missing) == NOTHING


def test_given_unknown_link_when_estimated_then_slower_than_a_known_one() -> None:
    known = real(division=Division(4))
    unknown = real(division=Division(4), link_bytes_per_second=0.0)
    assert (known.ttft_ms or 0.0) < (unknown.ttft_ms or 0.0)


@given(st.integers(1, 256), st.integers(1, 256), st.integers(256, 32768), st.sampled_from([DENSE, MIXTURE]))
def test_given_more_sequences_when_estimated_then_each_is_slower_and_all_are_not(
    first: int, second: int, context: int, inventory: Inventory
) -> None:
    few, many = (real(inventory, count, context) for count in sorted((first, second)))
    assert (few.tpot_ms or 0.0) <= (many.tpot_ms or 0.0)
    assert (few.ttft_ms or 0.0) <= (many.ttft_ms or 0.0) * (1 + 1e-9)


@given(st.integers(256, 100_000), st.integers(256, 100_000), st.integers(1, 64))
def test_given_a_longer_context_when_estimated_then_never_faster(first: int, second: int, sequences: int) -> None:
    short, long = (real(DENSE, sequences, context) for context in sorted((first, second)))
    assert (short.tpot_ms or 0.0) <= (long.tpot_ms or 0.0)
    assert (short.ttft_ms or 0.0) <= (long.ttft_ms or 0.0)


@given(
    st.sampled_from(["bandwidth_bytes_per_second", "link_bytes_per_second"]),
    st.floats(1e10, 1e13),
    st.floats(1e10, 1e13),
    st.sampled_from([1, 2, 8]),
    st.integers(1, 64),
)
def test_given_more_bandwidth_when_estimated_then_never_slower(
    name: str, first: float, second: float, ranks: int, sequences: int
) -> None:
    # a queue that is told only how many sequences run would call an H200 slower than an H100
    slow, fast = (
        real(DENSE, sequences, 2048, division=Division(ranks), **{name: speed}) for speed in sorted((first, second))
    )
    assert (fast.tpot_ms or 0.0) <= (slow.tpot_ms or 0.0)
    assert (fast.ttft_ms or 0.0) <= (slow.ttft_ms or 0.0) * (1 + 1e-9)


@given(st.floats(1e13, 1e16), st.floats(1e13, 1e16), st.integers(1, 64))
def test_given_a_higher_peak_when_estimated_then_never_slower(first: float, second: float, sequences: int) -> None:
    slow, fast = (real(DENSE, sequences, dense_flops={"bf16": peak}) for peak in sorted((first, second)))
    assert (fast.tpot_ms or 0.0) <= (slow.tpot_ms or 0.0)
    assert (fast.ttft_ms or 0.0) <= (slow.ttft_ms or 0.0)


@pytest.mark.parametrize("inventory", [DENSE, MIXTURE], ids=["dense", "mixture"])
def test_given_more_ranks_when_nothing_is_exchanged_then_never_slower(inventory: Inventory) -> None:
    of = replace(constants("hopper", "vllm"), exchange_s=0.0, link=1e9)
    times = [
        figures(of, inventory=inventory, sequences=8, division=Division(ranks)).tpot_s or 0.0 for ranks in (1, 2, 4, 8)
    ]
    assert times == sorted(times, reverse=True)
