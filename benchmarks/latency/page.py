"""The part of `docs/accuracy.md` about speed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from textwrap import fill

import yaml

from benchmarks.latency.evaluation import Speed, speed_bars
from benchmarks.latency.scoring import TPOT, TTFT, Score, median_error

REASONS = Path(__file__).with_name("reasons.yaml")
WORST = 10
WIDTH = 120
REACHED = {True: "yes", False: "**no**", None: "no bar"}

PUBLIC_PLANNER = ("best public planner, a sample of 64 such rows", "40 of 64", "34 %", "30 %")
"""Asked through its own command; the figures are of that comparison and are not measured again here."""

HEAD = (
    "rows",
    "time per output token",
    "bias",
    "time to first token",
    "bias",
    "in sample",
    "in sample, first token",
)


def speed_page(speed: Speed) -> str:
    """Headings, tables and the words between them, with a line break at the end."""
    nvidia = speed.nvidia
    parts = [
        "## Speed",
        "How far estimates are from latencies that others measured. Constants are few and global "
        "(`performance/data/calibration.json`), fitted by "
        "`python -m benchmarks.latency.fit`. Every error below, where nothing else is said, is of a model whose own "
        "rows the constants did not see; *in sample* are the constants that are shipped. Errors are medians of "
        "|estimated ÷ measured − 1|, a bias is the median with its sign: a positive one means measured faster.",
        "A measured time to first token is the mean over ten requests of each client, whose first ones come together. "
        "Where the script of a run let requests gather before the engine took them up, the estimate is asked for that "
        "(`benchmarks/latency/settings.yaml`).",
        _table(
            ("measure", "asked", "reached", ""),
            [(bar.measure, bar.wanted, bar.reached, REACHED[bar.holds]) for bar in speed_bars(speed)],
        ),
        "### What was left out, and what others reach",
        "DeepSeek-V3 and R1 are one architecture under two names: leaving out one leaves the other, so the second line "
        "leaves out both. Leaving out a system asks for devices nobody measured, which is what the plan of a new "
        "instance type does; it is a warning, not a bar.",
        _table(("constants", "rows answered", "time per output token", "time to first token"), _references(nvidia)),
        "### By system",
        _table(("system", *HEAD), _groups(nvidia, lambda one: one.measured.system)),
        "### By model",
        _table(("model", *HEAD), _groups(nvidia, lambda one: one.measured.model)),
        "### By engine",
        _table(("engine", *HEAD), _groups(nvidia, lambda one: one.measured.engine)),
        "### By precision",
        _table(("precision", *HEAD), _groups(nvidia, lambda one: one.measured.precision_text)),
        "### Inferentia2 and Trainium1",
        _table(
            ("kind", "figure", "rows", "median error", "bias", "in sample", "without its system"), _neuron(speed.neuron)
        ),
        f"### The worst {WORST}",
        _table(("figure", "row", "measured", "error", "reason"), _worst([*nvidia, *speed.neuron])),
        "### Not asked",
        _table(("row", "reason"), speed.left),
    ]
    return "\n\n".join(part if part.startswith(("|", "#")) else fill(part, WIDTH) for part in parts) + "\n"


def _references(found: Sequence[Score]) -> list[tuple[str, ...]]:
    rows = len({one.measured.name for one in found})

    def line(name: str, error: Callable[[Score], float]) -> tuple[str, ...]:
        by = [median_error(error(one) for one in found if one.figure == figure) for figure in (TPOT, TTFT)]
        return (name, f"{rows} of {rows}", *(f"{value:.1%}" for value in by))

    return [
        line("without the row's model", lambda one: one.held_out),
        line("without the row's family", lambda one: one.held_out_family),
        line("without the row's system", lambda one: one.held_out_system),
        line("shipped, in sample", lambda one: one.in_sample),
        line("plain roofline", lambda one: one.plain),
        PUBLIC_PLANNER,
    ]


def _groups(found: Sequence[Score], of: Callable[[Score], str]) -> list[tuple[str, ...]]:
    lines = []
    for name in sorted({of(one) for one in found}):
        mine = [one for one in found if of(one) == name]
        by = {figure: [one for one in mine if one.figure == figure] for figure in (TPOT, TTFT)}
        held = [_error_and_bias([one.held_out for one in by[figure]]) for figure in (TPOT, TTFT)]
        seen = [f"{median_error(one.in_sample for one in by[figure]):.0%}" for figure in (TPOT, TTFT)]
        lines.append((name, str(len(by[TPOT])), *held[0], *held[1], *seen))
    return lines


def _neuron(found: Sequence[Score]) -> list[tuple[str, ...]]:
    lines = []
    for kind, figure in sorted({(one.measured.kind, one.figure) for one in found}):
        mine = [one for one in found if (one.measured.kind, one.figure) == (kind, figure)]
        held = _error_and_bias([one.held_out for one in mine])
        seen = (median_error(one.in_sample for one in mine), median_error(one.held_out_system for one in mine))
        lines.append((kind, figure, str(len(mine)), *held, *(f"{value:.0%}" for value in seen)))
    return lines


def _error_and_bias(errors: Sequence[float]) -> tuple[str, str]:
    return f"{median_error(errors):.0%}", f"{median(errors):+.0%}"


def _worst(found: Iterable[Score]) -> list[tuple[str, ...]]:
    """By how many times an estimate is off, upward or downward; a row that is published twice counts once."""
    reasons = yaml.safe_load(REASONS.read_text(encoding="utf-8"))
    ordered = sorted(found, key=lambda one: (-_times(one), one.measured.name))
    lines: dict[tuple[str, float], tuple[str, ...]] = {}
    for one in ordered:
        measured = _measured(one)
        reason = next((entry["reason"] for entry in reasons if _applies(entry, one)), "not explained")
        line = (one.figure, one.measured.name, f"{measured:,.4g}", f"{one.held_out:+.0%}", reason)
        lines.setdefault((one.figure, measured), line)
        if len(lines) == WORST:
            break
    return list(lines.values())


def _applies(entry: dict[str, str], one: Score) -> bool:
    return entry["figure"] == one.figure and entry["rows"] in one.measured.name


def _times(one: Score) -> float:
    return max(1 + one.held_out, 1 / max(1e-9, 1 + one.held_out))


def _measured(one: Score) -> float:
    row = one.measured
    value = {TPOT: row.tpot_ms, TTFT: row.ttft_ms}.get(one.figure, row.items_per_s)
    return value if value is not None else 0.0


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "None."
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---"] * len(head), *rows))
