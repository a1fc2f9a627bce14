"""Tables, wrapping, JSON text, harmless text: exact."""

from __future__ import annotations

import json

import pytest

from ai_on_eks.cli.file_kinds import is_platform
from ai_on_eks.cli.layout import Column, display_width, table, wrap
from ai_on_eks.cli.output import json_text, printable, terminal_width
from ai_on_eks.cli.suggestions import closest
from ai_on_eks.performance.machine import Division
from ai_on_eks.placement.nearness import nearest_first
from ai_on_eks.placement.rules import CANDIDATE_RULES, MEMORY_RULE
from ai_on_eks.placement.types import Rejection
from ai_on_eks.placement.violations import Violation, Words


def test_given_numbers_and_a_long_last_column_when_laid_out_then_they_align_and_wrap() -> None:
    columns = (Column("name"), Column("$/h", numeric=True), Column("why"))
    rows = [("a", "10.000", "one two three four five six"), ("long", "1.5", "x")]
    assert table(columns, rows, 42).splitlines() == [
        "name     $/h  why",
        "a     10.000  one two three four five six",
        "long     1.5  x",
    ]
    assert table(columns, rows, 10).splitlines()[1:3] == [
        "a     10.000  one two three four five",
        "              six",
    ]


def test_given_a_word_longer_than_the_line_when_wrapped_then_it_is_never_cut() -> None:
    assert wrap("a bcdefgh i", 4) == ["a", "bcdefgh", "i"]
    assert wrap("", 4) == [""]


def test_given_wide_characters_when_measured_then_terminal_cells_count() -> None:
    assert [display_width(text) for text in ("abc", "模型", "é", "×")] == [3, 4, 1, 1]


def test_given_a_document_when_written_then_deep_values_take_one_line_and_nothing_changes() -> None:
    value = {"z": [{"b": {"c": [1, {"d": None}]}}], "a": {}, "é": "\u2028", "f": 0.1}
    text = json_text(value)
    assert json.loads(text) == value
    assert list(json.loads(text)) == ["z", "a", "é", "f"]
    assert text.splitlines() == [
        "{",
        '  "z": [',
        "    {",
        '      "b": {',
        '        "c": [1, {"d": null}]',
        "      }",
        "    }",
        "  ],",
        '  "a": {},',
        ['  "é": "', '",'][0],
        '",',
        '  "f": 0.1',
        "}",
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_given_no_number_when_written_as_json_then_it_is_a_defect(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_text({"x": value})


def test_given_control_characters_when_printed_then_they_are_shown() -> None:
    assert printable("a\x1b[0m\tb\nc\x7f\x9b") == "a\\x1b[0m\tb\nc\\x7f\\x9b"


@pytest.mark.parametrize(("columns", "expected"), [("100", 100), ("10", 60)])
def test_given_columns_when_asked_for_the_width_then_it_is_obeyed_down_to_a_minimum(
    monkeypatch: pytest.MonkeyPatch, columns: str, expected: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal_width() == expected


def test_given_rejections_when_ordered_then_the_one_that_came_furthest_and_missed_least_is_first() -> None:
    def rejection(name: str, rule: str, missing: float | None) -> Rejection:
        return Rejection(name, "vllm", Division(), rule, Violation(Words, ("reason",), missing))

    first_rule = CANDIDATE_RULES[0].name
    ordered = nearest_first(
        [
            rejection("a", first_rule, None),
            rejection("b", MEMORY_RULE, 10.0),
            rejection("c", MEMORY_RULE, 9.0),
            rejection("d", "engine-model", None),
            rejection("e", MEMORY_RULE, None),
        ]
    )
    assert [one.instance_type for one in ordered] == ["c", "b", "e", "a", "d"]


def test_given_a_mistyped_word_when_compared_then_only_a_near_one_is_offered() -> None:
    assert closest("plna", ["plan", "size"]) == "plan"
    assert closest("zzz", ["plan", "size"]) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"region": "x", "network": {}}, True),
        ({"kind": "x", "source": {}}, False),
        ({"name": "x"}, False),
        ([], False),
        (None, False),
    ],
)
def test_given_a_document_when_recognised_then_its_own_keys_decide(value: object, expected: bool) -> None:
    assert is_platform(value) is expected
