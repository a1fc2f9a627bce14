"""JSON: what Python's reader lets through is refused."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**63, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)
@given(VALUES, st.integers(0, 3))
def test_given_any_value_when_written_and_read_then_it_is_the_same(value: object, indent: int) -> None:
    assert parse_json(json.dumps(value, indent=indent or None), "config.json").value == value


@settings(deadline=None)
@given(VALUES, st.integers(0, 10_000), st.text(max_size=3))
def test_given_a_damaged_document_when_read_then_a_document_or_an_input_error(
    value: object, place: int, put: str
) -> None:
    text = json.dumps(value)
    place %= len(text) + 1
    for damaged in (text[:place], text[:place] + put + text[place + 1 :], text[:place] + put + text[place:]):
        with suppress(InputError):  # any other exception fails
            parse_json(damaged, "config.json")


def test_given_a_file_beyond_the_limit_when_read_then_refused_unread(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    with config.open("wb") as file:
        file.truncate(8 * 2**20 + 1)
    with pytest.raises(InputError) as caught:
        read_json(config)
    assert [problem.code for problem in caught.value.problems] == ["file-too-large"]
