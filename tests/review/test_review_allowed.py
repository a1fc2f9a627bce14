"""Which entries of `allow-destroy.yaml` let what through, and what is wrong with one."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ai_on_eks.errors import InputError
from ai_on_eks.review.allowed import Allowance, judge, load_allowances, unused
from ai_on_eks.review.replacement import Action, Destruction

DAY = date(2026, 11, 29)

FILE = """\
version: 1
allow_destroy:
  - stack: ai-storage
    logical_id: Lustre*
    release: 0.2.0
    reason: moves to the zone of the new reservation
    expires: 2026-12-31
"""


def destroyed(name: str, stack: str = "ai-storage") -> Destruction:
    return Destruction(stack, name, "AWS::FSx::FileSystem", Action.REPLACED, affects="files")


def allowance(logical_id: str, expires: str = "2026-12-31") -> Allowance:
    return Allowance(stack="ai-storage", logical_id=logical_id, release="0.2.0", reason="meant", expires=expires)


def load(folder: Path, text: str) -> tuple[Allowance, ...]:
    path = folder / "allow-destroy.yaml"
    path.write_text(text, encoding="utf-8")
    return load_allowances(path)


def test_given_no_file_when_loaded_then_nothing_is_allowed(tmp_path: Path) -> None:
    assert load_allowances(tmp_path / "allow-destroy.yaml") == ()


def test_given_an_entry_when_it_names_the_resource_then_it_is_let_through(tmp_path: Path) -> None:
    entries = load(tmp_path, FILE)
    (judged,) = judge([destroyed("LustreABC")], entries, DAY)
    assert (judged.blocks, judged.allowance) == (False, entries[0])


@pytest.mark.parametrize(
    ("stack", "name"), [("ai-storage", "Bucket1"), ("ai-network", "LustreABC"), ("ai-storage", "XLustre")]
)
def test_given_an_entry_when_it_names_something_else_then_the_resource_blocks_and_the_entry_is_told(
    stack: str, name: str
) -> None:
    one, entry = destroyed(name, stack), allowance("Lustre*")
    assert judge([one], [entry], DAY)[0].blocks
    assert unused([one], [entry]) == (entry,)


def test_given_a_name_without_a_star_when_compared_then_it_has_to_be_the_whole_name() -> None:
    assert judge([destroyed("LustreABC")], [allowance("Lustre")], DAY)[0].blocks
    assert not judge([destroyed("Lustre")], [allowance("Lustre")], DAY)[0].blocks


def test_given_an_expired_entry_when_judged_then_it_blocks_and_says_so_unless_a_later_one_counts() -> None:
    old, new = allowance("Lustre*", "2026-11-28"), allowance("Lustre*", "2026-11-29")
    (judged,) = judge([destroyed("Lustre")], [old], DAY)
    assert (judged.blocks, judged.expired) == (True, True)
    assert not judge([destroyed("Lustre")], [new, old], DAY)[0].blocks


def test_what_blocks_comes_first() -> None:
    judged = judge([destroyed("Lustre"), destroyed("Bucket")], [allowance("Lustre")], DAY)
    assert [one.destruction.logical_id for one in judged] == ["Bucket", "Lustre"]


@pytest.mark.parametrize(
    ("line", "instead", "code"),
    [
        ("    reason: moves to the zone of the new reservation\n", "", "missing-field"),
        ("    reason: moves to the zone of the new reservation\n", "    reason: ' '\n", "bad-pattern"),
        ("logical_id: Lustre*", "logical_id: '*'", "bad-pattern"),
        ("expires: 2026-12-31", "expires: 2026-02-30", "not-a-date"),
        ("expires: 2026-12-31", "expires: next week", "bad-pattern"),
        ("release: 0.2.0", "releases: 0.2.0", "unknown-key"),
        ("version: 1", "version: 2", "not-allowed"),
    ],
)
def test_given_a_faulty_file_when_loaded_then_the_problem_has_code_and_line(
    tmp_path: Path, line: str, instead: str, code: str
) -> None:
    assert line in FILE
    with pytest.raises(InputError) as raised:
        load(tmp_path, FILE.replace(line, instead))
    assert code in {problem.code for problem in raised.value.problems}
    assert all(problem.line for problem in raised.value.problems)
