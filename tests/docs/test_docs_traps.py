"""docs/traps.md: every guard and every test that it names is there."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache

import pytest
from docs_pages import DOCS, ROOT
from msgspec import Struct

sys.path.insert(0, str(ROOT / "tests" / "review"))

from test_review_rules import FAULTS

from ai_on_eks.review.rules.table import RULES

LIBRARY, TESTS = ROOT / "constructs" / "ai_on_eks", ROOT / "tests"
OUTSIDE = ("app.py", "stacks/")
PLANTED = "planted fault"
UNGUARDED = ("does not apply", "open: ")
CODES = {rule.code for rule in RULES}


class Trap(Struct, frozen=True):
    """One row of the page."""

    line: int
    what: str
    guard: str
    test: str

    def __str__(self) -> str:
        return f"{self.line}: {self.what}"


def traps() -> list[Trap]:
    lines = (DOCS / "traps.md").read_text(encoding="utf-8").splitlines()
    rows = [
        (number, line) for number, line in enumerate(lines, 1) if line.startswith("| ") and "| prevented by" not in line
    ]
    return [Trap(number, *(cell.strip() for cell in line.strip("|").split("|"))) for number, line in rows]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@cache
def names_in(file: str) -> set[str]:
    """Names of the functions that pytest collects, without running anything."""
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    return {one.name for one in ast.walk(tree) if isinstance(one, ast.FunctionDef) and one.name.startswith("test_")}


def test_the_page_has_a_row_for_each_trap_and_no_row_twice() -> None:
    whats = [trap.what for trap in traps()]
    assert len(whats) > 150
    assert len(set(whats)) == len(whats)


@pytest.mark.parametrize("trap", traps(), ids=str)
def test_what_prevents_a_trap_is_there(trap: Trap) -> None:
    if trap.test.startswith(UNGUARDED):
        return
    guards = named(trap.guard)
    assert guards
    for guard in guards:
        folder = ROOT if guard.startswith(OUTSIDE) else LIBRARY
        assert guard in CODES or (folder / guard).is_file(), guard


@pytest.mark.parametrize("trap", traps(), ids=str)
def test_every_trap_has_a_test_that_exists_or_says_why_it_has_none(trap: Trap) -> None:
    if trap.test.startswith(UNGUARDED):
        return
    if trap.test == PLANTED:
        codes = [guard for guard in named(trap.guard) if guard in CODES]
        assert codes
        assert {fault.code for fault in FAULTS} >= set(codes)
        return
    tests = named(trap.test)
    assert tests
    for test in tests:
        file, _, name = test.partition("::")
        assert name in names_in(file), test
