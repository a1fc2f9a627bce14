"""HiGHS, asked in a way that gives the same answer every time. Imported only where several models are packed.

HiGHS (University of Edinburgh, MIT licence) by its own package `highspy`: 3 MB, against 35 MB for the copy of it inside
SciPy, which also hides the number of nodes searched and the bound at a limit.

    one thread, one seed, a limit on nodes of the search and never on seconds

A limit on time would make the answer depend on how busy the machine is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.placement.fleet.program import UNBOUNDED, Program

SEARCH_NODES = 2_000
"""Of branch and bound. Fleets of a thousand models have needed one, those of some dozens up to a hundred."""

RELATIVE_GAP = 1e-6
"""Where the search ends: a cent in 10,000 $/h."""

LARGE_COLUMNS = 10_000
"""Columns of a program, some two hundred different models, from which on the last digits take longer than all before
them: a thousand models took 82 s of processor time to `RELATIVE_GAP` and 48 s to `LARGE_RELATIVE_GAP`, for an answer
that costs 8 cents in 6,233 $/h more (benchmarks/fleet_packing.py, 2026-11-28)."""

LARGE_RELATIVE_GAP = 1e-4
"""Where the search of a large program ends."""

SETTINGS: Mapping[str, bool | int | float] = {
    "output_flag": False,
    "threads": 1,
    "random_seed": 0,
    "mip_max_nodes": SEARCH_NODES,
}


class Solution(Struct, frozen=True):
    """Values of the columns, and the bound that was proved."""

    values: list[float]
    bound: float


def solve(program: Program) -> Solution:
    """The best solution of a program that has one."""
    import highspy  # noqa: PLC0415 - 0.2 s and 30 MB that a plan of one model has no use for

    solver: Any = _quiet(highspy)
    for option, value in SETTINGS.items():
        solver.setOptionValue(option, value)
    solver.setOptionValue("mip_rel_gap", relative_gap(program))
    solver.passModel(_model(program, highspy))
    solver.run()
    information = solver.getInfo()
    if information.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        raise AssertionError(f"every fleet has an answer, but the solver says {solver.getModelStatus()}")
    return Solution(list(solver.getSolution().col_value), information.mip_dual_bound)


def relative_gap(program: Program) -> float:
    """Of the answer's cost, what may lie between it and the bound."""
    return LARGE_RELATIVE_GAP if len(program.costs) > LARGE_COLUMNS else RELATIVE_GAP


def _quiet(highspy: Any) -> Any:
    class Quiet(highspy.Highs):  # type: ignore[misc] # published without types
        def enableCallbacks(self) -> None:  # noqa: N802 - HiGHS' name
            """None is used, and enabling them prints a banner before any option can forbid it."""

    return Quiet()


def _model(program: Program, highspy: Any) -> Any:
    infinite = highspy.kHighsInf
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = len(program.costs), len(program.rows)
    model.col_cost_ = program.costs
    model.col_lower_ = [0.0] * len(program.costs)
    model.col_upper_ = [infinite if bound == UNBOUNDED else bound for bound in program.upper]
    model.row_lower_ = program.least
    model.row_upper_ = [infinite if bound == UNBOUNDED else bound for bound in program.most]
    starts, indices, coefficients = [0], [], []
    for row in program.rows:
        indices += [column for column, _ in row]
        coefficients += [value for _, value in row]
        starts.append(len(indices))
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = starts, indices, coefficients
    model.integrality_ = [highspy.HighsVarType.kInteger] * len(program.costs)
    return model
