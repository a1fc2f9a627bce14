"""JSON: what Python's reader lets through is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ai_on_eks.descriptors.documents import parse_json, read_json
from ai_on_eks.errors import InputError, Problem


def refused(text: str) -> Problem:
    with pytest.raises(InputError) as caught:
        parse_json(text, "config.json")
    (problem,) = caught.value.problems
    return problem


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not-json"),
        ("{", "not-json"),
        ("{'a': 1}", "not-json"),
        ('{"a": 1, "a": 2}', "duplicate-key"),
        ('{"a": NaN}', "number-not-usable"),
        ('{"a": -Infinity}', "number-not-usable"),
        ('{"a": 1e999}', "number-not-usable"),
        ('{"a": 123456789012345678901}', "number-not-usable"),
        ('{"a": ' + "9" * 5000 + "}", "number-not-usable"),
        ("[" * 33 + "]" * 33, "nested-too-deep"),
        ("[" * 1_000_000, "nested-too-deep"),
        ('{"a":' * 100_000, "nested-too-deep"),
        ("[" + "1," * 100_001 + "1]", "too-many-values"),
    ],
)
def test_given_hostile_json_when_read_then_refused_with_its_code(text: str, code: str) -> None:
    problem = refused(text)
    assert problem.code == code
    assert problem.fix
    assert len(str(problem)) < 500


def test_given_a_syntax_error_when_read_then_its_line_is_told() -> None:
    assert refused('{\n"a": 1,\n}').line == 3


def test_given_brackets_inside_strings_when_read_then_they_do_not_count() -> None:
    assert parse_json('{"a": "' + "[" * 100 + r"\"[" + '"}', "f").value == {"a": "[" * 100 + '"['}


def test_given_an_open_string_of_quotes_when_read_then_time_stays_linear() -> None:
    began = time.process_time()
    assert refused('"' + '\\"' * 1_000_000).code == "not-json"
    assert time.process_time() - began < 2


def test_given_a_models_config_with_words_for_numbers_when_read_then_they_are_no_value(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text('{"limit": [0.0, Infinity], "low": -Infinity, "none": NaN, "text": "Infinity"}')
    assert read_json(config).value == {"limit": [0.0, None], "low": None, "none": None, "text": "Infinity"}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "123456789012345678901"])
def test_given_a_models_config_with_a_number_too_large_when_read_then_refused(number: str, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(f'{{"a": {number}}}')
    with pytest.raises(InputError) as caught:
        read_json(config)
    assert [problem.code for problem in caught.value.problems] == ["number-not-usable"]
