"""The scores as the page `docs/accuracy.md`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from textwrap import fill

import yaml

from ai_on_eks.catalog.engines import load_engines
from benchmarks.accuracy.comparison import Summary
from benchmarks.accuracy.report import badness
from benchmarks.accuracy.scoring import (
    ACTIVATIONS,
    ACTIVE,
    CACHE,
    DEVICE,
    FILES,
    MUST_FIT,
    MUST_NOT_FIT,
    PARAMETERS,
    PEAK,
    POOL,
    VERDICTS,
    WEIGHTS,
    Bar,
    Score,
)

REASONS = Path(__file__).with_name("reasons.yaml")
FIGURES = (PARAMETERS, ACTIVE, FILES, WEIGHTS, CACHE, ACTIVATIONS, POOL, PEAK, DEVICE)
WORST = 10
WIDTH = 120
REACHED = {True: "yes", False: "**no**", None: "not measured"}


def page(scores: Sequence[Score], reached: Iterable[Bar], summaries: Iterable[Summary]) -> str:
    """The whole page."""
    parts = [
        "# Accuracy",
        "How far `describe` and `size` are from what others measured or published. Made by "
        "`make accuracy`, which asks the same functions as the command; the figures come from engine logs, error "
        "messages and parameter counts, each with its source in the record it is named after. Errors are predicted ÷ "
        "measured − 1: a pool with a positive error promises more than there was.",
        "## Bars",
        _table(
            ("measure", "asked", "reached", ""),
            [(bar.measure, bar.wanted, bar.reached, REACHED[bar.holds]) for bar in reached],
        ),
        "## By family",
        _table(
            ("measure", "family", "records", "answered", "median error", "worst error"),
            [row for measure in FIGURES for row in _groups(scores, measure, _family)],
        ),
        "## By engine",
        "Records that name no engine are taken for vLLM's. " + _without_records(scores),
        _table(
            ("measure", "engine", "records", "answered", "median error", "worst error"),
            [row for measure in (WEIGHTS, CACHE, ACTIVATIONS, POOL, PEAK) for row in _groups(scores, measure, _engine)],
        ),
        "## Does it fit?",
        _table(
            ("report", "family", "engine", "records", "answered", "wrong"),
            [row for measure in (MUST_NOT_FIT, MUST_FIT) for row in _verdicts(scores, measure)],
        ),
        "## Other tools on the same records",
        "Their published formulae, re-expressed with sources in `benchmarks/accuracy/peers.py`. "
        "Each is given the parameters that a checkpoint's header would tell it.",
        _table(
            ("measure", "tool", "answered", "median error", "worst error"),
            [
                (
                    one.measure,
                    one.tool,
                    f"{len(one.errors)} of {one.asked}",
                    _percent(one.median),
                    _percent(one.worst),
                )
                for one in summaries
            ],
        ),
        f"## The worst {WORST}",
        _table(("measure", "record", "model", "error", "reason"), _worst(scores)),
        "## Not answered",
        _table(("measure", "record", "model", "reason"), _unanswered(scores)),
    ]
    return "\n\n".join(part if part.startswith(("|", "#")) else fill(part, WIDTH) for part in parts) + "\n"


def _family(one: Score) -> str:
    return one.family


def _engine(one: Score) -> str:
    return one.prediction.engine if one.prediction is not None else ""


def _without_records(scores: Iterable[Score]) -> str:
    missing = sorted(load_engines().keys() - {_engine(one) for one in scores})
    return f"No record is of {', '.join(missing)}." if missing else "There are records of every engine."


def _groups(scores: Iterable[Score], measure: str, group_of: Callable[[Score], str]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    chosen = [one for one in scores if one.measure == measure and one.measured is not None]
    for group in sorted({group_of(one) for one in chosen}):
        members = [one for one in chosen if group_of(one) == group]
        errors = [abs(one.error) for one in members if one.error is not None]
        middle, worst = (median(errors), max(errors)) if errors else (None, None)
        rows.append((measure, group, str(len(members)), str(len(errors)), _percent(middle), _percent(worst)))
    return rows


def _verdicts(scores: Iterable[Score], measure: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    chosen = [one for one in scores if one.measure == measure]
    for group, engine in sorted({(one.family, _engine(one)) for one in chosen}):
        members = [one for one in chosen if (one.family, _engine(one)) == (group, engine)]
        answered = [one for one in members if one.predicted is not None]
        wrong = sum(one.predicted != one.measured for one in answered)
        rows.append((measure, group, engine, str(len(members)), str(len(answered)), str(wrong)))
    return rows


def _worst(scores: Iterable[Score]) -> list[tuple[str, ...]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    reasons = yaml.load(REASONS.read_text(encoding="utf-8"), Loader=loader) or {}  # noqa: S506 - a safe one
    answered = [one for one in scores if one.predicted is not None and one.measured is not None]
    ordered = sorted(answered, key=lambda one: (-badness(one), one.measure, one.record.name))
    return [
        (one.measure, one.record.name, one.record.model, _error(one), reasons.get(one.record.name, "not explained"))
        for one in ordered[:WORST]
    ]


def _error(one: Score) -> str:
    if one.measure in VERDICTS:
        return "right" if one.measured == one.predicted else "wrong verdict"
    return "" if one.error is None else f"{one.error:+.2%}"


def _unanswered(scores: Iterable[Score]) -> list[tuple[str, ...]]:
    without = [one for one in scores if one.predicted is None]
    ordered = sorted(without, key=lambda one: (one.measure, one.record.name))
    return [(one.measure, one.record.name, one.record.model, one.reason) for one in ordered]


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "None."
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines
    )
