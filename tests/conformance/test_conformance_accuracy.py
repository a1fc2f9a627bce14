"""The bars of accuracy, on figures that others measured; and the published page is what they give today."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy.comparison import compare
from benchmarks.accuracy.page import page
from benchmarks.accuracy.scoring import Bar, Score, bars, score
from benchmarks.accuracy.truth import Truth
from benchmarks.latency.evaluation import evaluate
from benchmarks.latency.page import speed_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "accuracy.md"


@pytest.fixture(scope="module")
def scores(shared: Path) -> tuple[Score, ...]:
    return score(Truth(shared / "truth"))


@pytest.fixture(scope="module")
def reached(scores: tuple[Score, ...]) -> tuple[Bar, ...]:
    return bars(scores)


def test_given_measured_figures_when_scored_then_every_bar_is_reached(reached: tuple[Bar, ...]) -> None:
    assert len(reached) == 9
    assert [bar.measure for bar in reached if bar.holds is False] == []


def test_given_measured_figures_when_scored_then_most_are_answered(scores: tuple[Score, ...]) -> None:
    """A tool that answers nothing is never wrong."""
    answered = sum(one.predicted is not None for one in scores)
    assert answered >= 0.9 * len(scores)


def test_given_todays_scores_then_the_published_page_says_the_same(
    shared: Path, scores: tuple[Score, ...], reached: tuple[Bar, ...]
) -> None:
    speed = speed_page(evaluate(shared / "truth"))
    assert PAGE.read_text(encoding="utf-8") == page(scores, reached, compare(scores)) + "\n" + speed
