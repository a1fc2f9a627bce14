"""One idea per file. A long file is where a second idea hides."""

from __future__ import annotations

from architecture_repository import ROOT, files

MAX_LINES = 500
"""No Python file is longer (house rule)."""

MAX_MEDIAN_LINES = 150
"""Half of the library's files are at most this long (house rule)."""


def _lines(root: str) -> dict[str, int]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count("\n")
        for path in files(ROOT / root if root else ROOT)
        if path.suffix == ".py"
    }


def test_given_every_python_file_when_counted_then_none_has_over_500_lines() -> None:
    assert {name: count for name, count in _lines("").items() if count > MAX_LINES} == {}


def test_given_the_library_when_counted_then_the_median_is_at_most_150_lines() -> None:
    counts = sorted(count for count in _lines("constructs").values() if count)
    assert counts[len(counts) // 2] <= MAX_MEDIAN_LINES
