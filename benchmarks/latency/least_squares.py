"""A robust fit: Levenberg–Marquardt on logarithms, with Cauchy's loss and a prior.

    cost = Σ rows  s² ln(1 + (error ÷ s)²)  +  Σ constants  hold × (ln value − ln prior)²

Cauchy's loss forgives what lies far off (a run with another setting than its columns say), so that it pulls no
constant; the prior keeps what the rows do not determine. numpy is all it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import Struct

Vector = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

SCALE = 0.2
"""Errors of ln that count as ordinary: 20 %."""

DIFFERENCE = 1e-4
DAMPINGS = 6
ENOUGH = 2e-4
LARGEST_MOVE = 1.0


Errors = Callable[[Vector, Indices | None], Vector]
"""The errors of the rows with these numbers at these constants; None = of all rows."""


class Known(Struct, frozen=True):
    """What is known of each constant's logarithm beforehand, how firmly, how large it may be, and the rows that it has
    any effect on."""

    prior: Vector
    hold: Vector
    most: Vector
    concerned: Sequence[Indices]


def fit(errors: Errors, start: Vector, known: Known, *, rounds: int) -> Vector:
    """The constants' logarithms that minimize the cost; at most `rounds` Jacobians."""
    prior, hold, most = known.prior, known.hold, known.most

    def cost(found: Vector, at: Vector) -> float:
        return float(np.sum(SCALE**2 * np.log1p((found / SCALE) ** 2)) + np.sum(hold * (at - prior) ** 2))

    at, damping = np.minimum(start, most), 1e-2
    found = errors(at, None)
    reached = cost(found, at)
    for _ in range(rounds):
        jacobian = np.zeros((len(found), len(at)))
        for column, rows in enumerate(known.concerned):
            moved = at.copy()
            moved[column] -= DIFFERENCE
            jacobian[rows, column] = (found[rows] - errors(moved, rows)) / DIFFERENCE
        weights = 1 / (1 + (found / SCALE) ** 2)
        normal = jacobian.T @ (weights[:, None] * jacobian) + np.diag(hold)
        gradient = jacobian.T @ (weights * found) + hold * (at - prior)
        before = reached
        for _ in range(DAMPINGS):
            move = -np.linalg.solve(normal + damping * np.diag(np.diag(normal)), gradient)
            tried = np.minimum(at + np.clip(move, -LARGEST_MOVE, LARGEST_MOVE), most)
            there = errors(tried, None)
            lower = cost(there, tried)
            if lower < reached:
                at, found, reached, damping = tried, there, lower, damping / 3
                break
            damping *= 4
        if before - reached < ENOUGH * before:
            break
    return at
