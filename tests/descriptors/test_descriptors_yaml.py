"""YAML: core scalars, positions, limits, refusals."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ai_on_eks.descriptors import yaml_reading
from ai_on_eks.descriptors.documents import parse_yaml, read_yaml
from ai_on_eks.descriptors.yaml_writing import write_yaml
from ai_on_eks.errors import InputError, Problem


def refused(text: str) -> Problem:
    with pytest.raises(InputError) as caught:
        parse_yaml(text, "f.yaml")
    (problem,) = caught.value.problems
    assert problem.file == "f.yaml"
    return problem


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("off", "off"),
        ("y", "y"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("012", 12),
        ("-7", -7),
        ("+7", 7),
        ("0o14", 12),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.5E-2", -0.015),
        ("true", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("null", None),
        ("~", None),
        ("", None),
        ("2024-01-01", "2024-01-01"),
        ("'12'", "12"),
        ('"true"', "true"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_given_a_plain_scalar_when_read_then_it_follows_yaml_1_2_core(written: str, value: object) -> None:
    read = parse_yaml(f"key: {written}\n", "f").value["key"]
    assert read == value
    assert type(read) is type(value)


def test_given_a_document_when_read_then_every_path_has_its_line() -> None:
    text = (
        "# comment\nname: x\nserving:\n  concurrency: 4\n  note: >\n    a\n    b\ntags: [a,\n  b]\nlist:\n  - {c: 1}\n"
    )
    document = parse_yaml(text, "f")
    lines = {
        "": 2, "name": 2, "serving": 3, "serving.concurrency": 4, "serving.note": 5, "tags": 8, "tags[0]": 8,
        "tags[1]": 9, "list": 10, "list[0]": 11, "list[0].c": 11,
    }  # fmt: skip
    assert document.lines == lines
    assert document.line("serving.targets.ttft_ms") == 3
    assert document.line("tags[7]") == 8
    assert document.line("unknown") == 2


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("", "empty-file", 1),
        ("# only a comment\n", "empty-file", 1),
        ("a: 1\na: 2\n", "duplicate-key", 2),
        ("a:\n  b: 1\n  'b': 2\n", "duplicate-key", 3),
        ("a: &x 1\n", "alias-refused", 1),
        ("a: 1\nb: *x\n", "alias-refused", 2),
        ("a: !!python/object/apply:os.system ['true']\n", "tag-refused", 1),
        ("a: !!str 1\n", "tag-refused", 1),
        ("a: 1\n---\nb: 2\n", "several-documents", 2),
        ("1: a\n", "key-not-text", 1),
        ("true: a\n", "key-not-text", 1),
        ("? [a]\n: b\n", "key-not-text", 1),
        ("a: .inf\n", "number-not-usable", 1),
        ("a: .NaN\n", "number-not-usable", 1),
        ("a: 1e999\n", "number-not-usable", 1),
        (f"a: {10**19}\n", "number-not-usable", 1),
        (f"a: {'9' * 100_000}\n", "number-not-usable", 1),
        ("x: 1\na: [1\nb: 2\n", "not-yaml", 3),
        ("a: b: c\n", "not-yaml", 1),
        (f"{'k' * 300}: 1\n", "key-too-long", 1),
        ("[" * 33 + "]" * 33, "nested-too-deep", 1),
        ("[" * 1_000_000, "nested-too-deep", 1),
    ],
)
def test_given_hostile_or_broken_yaml_when_read_then_one_problem_with_code_and_line(
    text: str, code: str, line: int
) -> None:
    problem = refused(text)
    assert (problem.code, problem.line) == (code, line)
    assert problem.fix
    assert not problem.message.endswith(".")
    assert len(str(problem)) < 500


def test_given_depth_32_when_read_then_it_is_accepted() -> None:
    assert parse_yaml("[" * 32 + "]" * 32, "f").value


def test_given_nine_levels_of_aliases_when_read_then_refused_at_once() -> None:
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\n" for i in range(1, 30))
    began = time.process_time()
    assert refused(bomb).code == "alias-refused"
    assert time.process_time() - began < 1


def test_given_more_than_100000_values_when_read_then_refused() -> None:
    assert refused("[" + "1," * 100_001 + "]").code == "too-many-values"


def test_given_long_paths_when_read_then_memory_stays_in_proportion() -> None:
    nested = "\n".join(f"{'  ' * level}{'k' * 250}:" for level in range(20))
    text = f"{nested} [{'1,' * 50_000}1]"
    document = parse_yaml(text, "f")
    assert sum(len(path) for path in document.lines) < 10_000


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "large", "latin1", "nul"])
def test_given_a_file_that_is_none_when_read_then_told_which(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "large":
        path.write_bytes(b"#" * (2**20 + 1))
    elif kind == "latin1":
        path.write_bytes(b"a: 1\nb: \xe9\n")
    elif kind == "nul":
        path.write_bytes(b"a: \x00\n")
    codes = {
        "missing": "file-not-found", "folder": "not-a-file", "pipe": "not-a-file", "large": "file-too-large",
        "latin1": "not-utf-8", "nul": "not-yaml",
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    (problem,) = caught.value.problems
    assert problem.code == codes[kind]
    assert problem.file == str(path)
    if kind == "latin1":
        assert problem.line == 2
    if kind in ("folder", "pipe"):
        assert problem.fix == {"folder": f"name its files, such as {path}/*.yaml", "pipe": "name a file"}[kind]


def test_given_a_byte_order_mark_when_read_then_ignored(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\r\nb: 2\r\n")
    assert read_yaml(path).value == {"a": 1, "b": 2}


def test_given_the_python_parser_when_libyaml_is_absent_then_the_same_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(yaml_reading, "_LOADER", yaml.SafeLoader)
    document = parse_yaml("a: no\nb: [012, 0o14]\n", "f")
    assert document.value == {"a": "no", "b": [12, 12]}
    assert refused("a: &x 1").code == "alias-refused"


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["no", "0o14", "1e3", "012", "- a", "a: b", "#", "a #b", "~", "", " a", "a ", "*a", "!x", "1:30"]),
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)


@settings(max_examples=200)
@given(
    st.dictionaries(KEYS, st.one_of(SCALARS, st.lists(SCALARS, max_size=4), st.dictionaries(KEYS, SCALARS)), min_size=1)
)
def test_given_any_value_when_written_and_read_then_it_is_the_same(value: dict[str, object]) -> None:
    assert parse_yaml(write_yaml(value), "f").value == value


@settings(max_examples=300)
@given(st.text(st.sampled_from("ab:-[]{}&*!|>'\"%@#,?\n \t01.~<=\x00é"), max_size=40))
def test_given_any_text_when_read_then_a_document_or_an_input_error(text: str) -> None:
    with contextlib.suppress(InputError):
        assert parse_yaml(text, "f").lines[""] >= 1
