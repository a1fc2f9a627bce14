"""Constants from rows: which are unknown, what a row says of them, and the fits that leave something out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from math import exp, log

import numpy as np
from msgspec import Struct

from ai_on_eks.performance.calibration import Constants
from benchmarks.latency.least_squares import Indices, Known, Vector, fit
from benchmarks.latency.parameters import Unknown
from benchmarks.latency.records import Measured
from benchmarks.latency.scoring import TTFT, Question

Values = Mapping[str, float]
"""Fitted numbers by `place/name`."""

TTFT_WEIGHT = 0.8
"""Times to first token scatter more: the same run's differ by half between versions of an engine."""

ROUNDS, ROUNDS_WITHOUT = 10, 4
LEAST_ROWS, MANY_ROWS = 10, 500
"""Of many rows, those of a model with fewer than ten move no constant by what its digits show; its held-out fit is the
fit of all."""


class Problem(Struct, frozen=True):
    """What is fitted together: the unknown numbers, and how a row's constants are made of them."""

    unknown: tuple[Unknown, ...]
    constants: Callable[[Values, Measured], Constants]

    def values(self, logs: Vector) -> dict[str, float]:
        return {one.key: exp(value) for one, value in zip(self.unknown, logs, strict=True)}

    def solve(self, asked: Sequence[Question], start: Values | None, rounds: int) -> dict[str, float]:
        """The numbers that fit these rows, each different question once."""
        rows = _distinct(asked)
        slots = [(row, figure) for row in rows for figure in row.measured.figures]
        prior = np.array([log(one.parameter.prior) for one in self.unknown])
        begin = prior if start is None else np.array([log(start[one.key]) for one in self.unknown])
        concerned = [
            np.array([number for number, (row, _figure) in enumerate(slots) if one.concerns(row.measured)], dtype=int)
            for one in self.unknown
        ]

        def errors(logs: Vector, only: Indices | None) -> Vector:
            values = self.values(logs)
            ratios: dict[int, dict[str, float]] = {}
            made: dict[tuple[str, str], Constants] = {}
            found = []
            for number in range(len(slots)) if only is None else only:
                row, figure = slots[number]
                if id(row) not in ratios:
                    place = (row.measured.machine.generation, row.measured.engine)
                    if place not in made:
                        made[place] = self.constants(values, row.measured)
                    ratios[id(row)] = row.ratios(made[place])
                found.append((TTFT_WEIGHT if figure == TTFT else 1.0) * log(ratios[id(row)][figure]))
            return np.array(found)

        known = Known(
            prior=prior,
            hold=np.array([one.parameter.hold for one in self.unknown]),
            most=np.array([one.most for one in self.unknown]),
            concerned=concerned,
        )
        found = fit(errors, begin, known, rounds=rounds)
        return self.values(found)

    def without(
        self,
        asked: Sequence[Question],
        fitted: Values,
        group: Callable[[Measured], str],
        known: Mapping[frozenset[str], Values],
    ) -> dict[str, dict[str, float]]:
        """For each group, the numbers that the rows of all others give. `known` holds those of rows that were left out
        before, by the names of the rows."""
        found: dict[str, dict[str, float]] = {}
        waiting: dict[str, Future[dict[str, float]]] = {}
        with ProcessPoolExecutor() as workers:
            for name in sorted({group(question.measured) for question in asked}):
                mine = frozenset(one.measured.name for one in asked if group(one.measured) == name)
                others = [one for one in asked if one.measured.name not in mine]
                if mine in known:
                    found[name] = dict(known[mine])
                elif len(mine) < LEAST_ROWS and len(asked) >= MANY_ROWS:
                    found[name] = dict(fitted)
                else:
                    waiting[name] = workers.submit(self.solve, others, fitted, ROUNDS_WITHOUT)
            found.update({name: future.result() for name, future in waiting.items()})
        return dict(sorted(found.items()))


def _distinct(asked: Sequence[Question]) -> tuple[Question, ...]:
    """Some rows are published twice or three times, under two names of a model or two days."""
    found: dict[object, Question] = {}
    for question in asked:
        row = question.measured
        key = (row.family, row.system, row.engine, row.precision_text, row.division, row.load, row.output_tokens)
        found.setdefault((*key, row.ttft_ms, row.tpot_ms, row.items_per_s), question)
    return tuple(found.values())
