"""The scores as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.accuracy.scoring import Bar, Score

REACHED = {True: "reached", False: "MISSED", None: "not measured"}


def bars_text(bars: Iterable[Bar]) -> str:
    """One line for each bar."""
    rows = [(bar.measure, bar.wanted, bar.reached, REACHED[bar.holds]) for bar in bars]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in rows
    )


def scores_text(scores: Iterable[Score]) -> str:
    """One line for each figure, worst first; unanswered ones last."""
    ordered = sorted(scores, key=lambda one: (one.measure, one.predicted is None, -badness(one), one.record.name))
    return "\n".join(_line(one) for one in ordered)


def badness(one: Score) -> float:
    """How far off an answer is; a wrong verdict is off by one."""
    if one.error is not None:
        return abs(one.error)
    both = one.measured is not None and one.predicted is not None
    return float(both and one.measured != one.predicted)


def _line(one: Score) -> str:
    error = "" if one.error is None else f"{one.error:+.2%}"
    measured = "" if one.measured is None else f"{one.measured:,.4g}"
    predicted = "" if one.predicted is None else f"{one.predicted:,.4g}"
    text = f"{one.measure:32} {error:>9} {measured:>14} {predicted:>14}  {one.record.name} {one.record.model[:48]}"
    return f"{text}  [{one.reason or one.note}]" if one.reason or one.note else text
