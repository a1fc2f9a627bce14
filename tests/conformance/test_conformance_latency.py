"""The bars of speed, on latencies that others measured, by constants that did not see the model."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from ai_on_eks.performance.admission import AT_ONCE, Admission
from ai_on_eks.performance.calibration import constants
from benchmarks.latency.evaluation import Speed, evaluate, speed_bars
from benchmarks.latency.scoring import TPOT, TTFT, median_error, questions
from benchmarks.latency.settings import settings


@pytest.fixture(scope="module")
def speed(shared: Path) -> Speed:
    return evaluate(shared / "truth")


def test_given_models_left_out_when_scored_then_every_bar_is_reached(speed: Speed) -> None:
    assert [bar.measure for bar in speed_bars(speed) if bar.holds is False] == []


@pytest.mark.parametrize(("figure", "most"), [(TTFT, 0.23), (TPOT, 0.165)])
def test_given_models_left_out_when_scored_then_errors_are_no_larger_than_the_page_says(
    speed: Speed, figure: str, most: float
) -> None:
    assert median_error(one.held_out for one in speed.nvidia if one.figure == figure) < most


def test_given_how_requests_were_taken_up_when_it_is_ignored_then_first_tokens_are_explained_worse(
    speed: Speed,
) -> None:
    held = [one for one in speed.nvidia if one.figure == TTFT and one.measured.admission != AT_ONCE]
    without = questions(replace(one.measured, admission=AT_ONCE) for one in held)
    known = median_error(one.in_sample for one in held)
    ignored = median_error(
        one.ratios(constants(one.measured.machine.generation, one.measured.engine))[TTFT] - 1 for one in without
    )
    assert known < ignored - 0.05


@pytest.mark.parametrize("number", range(len(settings())))
def test_given_a_script_when_it_set_how_requests_are_taken_up_then_rows_are_of_its_runs(
    speed: Speed, number: int
) -> None:
    setting = settings()[number]
    admission = Admission(setting.every_steps, setting.from_first)
    rows = [one.measured for one in speed.nvidia]
    assert any(
        row.admission == admission and row.engine == setting.engine and row.model.startswith(setting.model)
        for row in rows
    )
    assert setting.script


def test_given_measured_rows_when_asked_then_every_one_is_answered(speed: Speed) -> None:
    assert len(speed.nvidia) == 2 * 900
    assert len(speed.left) < 6


@pytest.mark.parametrize("figure", [TPOT, TTFT])
def test_given_a_plain_roofline_when_compared_then_calibration_is_worth_it(speed: Speed, figure: str) -> None:
    found = [one for one in speed.nvidia if one.figure == figure]
    assert median_error(one.held_out for one in found) < median_error(one.plain for one in found)
