"""Decisions are numbered without a gap, complete, short, and listed."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest
from docs_pages import DOCS

FOLDER = DOCS / "decisions"
SECTIONS = ("Context", "Decision", "Non-goals", "Alternatives considered", "Consequences")
WORDS = range(150, 361)
"""A page says what was decided and why; a longer one is a manual."""

DECISIONS = tuple(sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md"))
HEAD = re.compile(r"Date: (\d{4}-\d{2}-\d{2})\. Status: (accepted|superseded by \d{4})\.")


def test_given_the_decisions_when_listed_then_numbers_run_without_a_gap() -> None:
    assert [path.name[:4] for path in DECISIONS] == [f"{number:04}" for number in range(1, len(DECISIONS) + 1)]


def test_given_the_index_when_read_then_it_lists_every_decision_by_its_title() -> None:
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| \[\d+\]\(([^)]+)\) \| (.+?) \|", index, re.MULTILINE))
    titles = {path.name: _title(path).partition(". ")[2] for path in DECISIONS}
    assert listed == titles


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_given_a_decision_when_read_then_it_has_number_date_status_and_every_section(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert _title(path).startswith(f"{int(path.name[:4])}. ")
    head = HEAD.fullmatch(text.splitlines()[2])
    assert head, "the third line gives date and status"
    datetime.date.fromisoformat(head[1])
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == SECTIONS


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_given_a_decision_when_counted_then_it_is_neither_a_note_nor_a_manual(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").split()) in WORDS


def _title(path: Path) -> str:
    return path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
