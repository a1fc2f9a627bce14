"""Estimates beside measurements: errors in sample, and of models or systems that a fit was not shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from msgspec import Struct

from ai_on_eks.performance.batches import answer
from ai_on_eks.performance.calibration import Constants
from ai_on_eks.performance.decoding import decode
from ai_on_eks.performance.divided import Divided, divide
from ai_on_eks.performance.types import Figures
from benchmarks.latency.records import Measured

TTFT, TPOT, ITEMS = "ttft", "tpot", "items"


class Question(Struct, frozen=True):
    """A row with its model already divided, so that a fit asks the same thousands of times."""

    measured: Measured
    divided: Divided

    def figures(self, constants: Constants) -> Figures:
        row = self.measured
        if not row.inventory.states:
            return answer(self.divided, constants, row.load)
        return decode(
            self.divided,
            constants,
            prompt_tokens=max(1, row.load.context_tokens - row.output_tokens),
            output_tokens=row.output_tokens,
            sequences=row.sequences,
            waiting=row.waiting,
            admission=row.admission,
        )

    def ratios(self, constants: Constants) -> dict[str, float]:
        """Estimated ÷ measured, of every figure that was measured."""
        row, figures = self.measured, self.figures(constants)
        found: dict[str, float] = {}
        if row.ttft_ms is not None:
            found[TTFT] = 1000 * figures.ttft_s / row.ttft_ms
        if row.tpot_ms is not None and figures.tpot_s is not None:
            found[TPOT] = 1000 * figures.tpot_s / row.tpot_ms
        if row.items_per_s is not None and figures.items_per_s is not None:
            found[ITEMS] = figures.items_per_s / row.items_per_s
        return found


class Score(Struct, frozen=True):
    """One figure of one row: estimated ÷ measured − 1, by constants that saw the row and by those that did not."""

    measured: Measured
    figure: str
    in_sample: float
    held_out: float
    held_out_family: float
    held_out_system: float
    plain: float


def questions(rows: Iterable[Measured]) -> tuple[Question, ...]:
    return tuple(Question(row, divide(row.inventory, row.precision, row.machine, row.division)) for row in rows)


def scores(
    asked: Sequence[Question],
    fitted: Callable[[Measured], Constants],
    without: Mapping[str, Callable[[Measured], Constants]],
    plain: Callable[[Measured], Constants],
) -> tuple[Score, ...]:
    """Every figure of every row. `without` has constants for `model`, `family` and `system`, each fitted without the
    row's own."""
    found = []
    for question in asked:
        row = question.measured
        by = {name: question.ratios(of(row)) for name, of in {"fitted": fitted, **without, "plain": plain}.items()}
        for figure in by["fitted"]:
            errors = {name: ratios[figure] - 1 for name, ratios in by.items()}
            found.append(
                Score(
                    row,
                    figure,
                    in_sample=errors["fitted"],
                    held_out=errors["model"],
                    held_out_family=errors["family"],
                    held_out_system=errors["system"],
                    plain=errors["plain"],
                )
            )
    return tuple(found)


def median_error(errors: Iterable[float]) -> float:
    """Median of the absolute errors."""
    return median(abs(error) for error in errors)
