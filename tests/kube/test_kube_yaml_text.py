"""YAML that every reader understands alike."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ai_on_eks.kube.yaml_text import to_yaml

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(TEXT, children, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    "value",
    [
        *("1.36", "true", "True", "no", "NO", "off", "y", "N", "null", "~", "", "0o14", "012", "1e3", "1_000", "12:30"),
        *("=", "<<", ".inf", "2026-11-24", "- a", "a: b", "a #b", "ends:", "*x", "&x", "!x", "{a}", "%", "@x", "`x"),
        *(" x", "x ", "x y"),
    ],
)
def test_a_string_that_some_reader_takes_for_something_else_is_quoted(value: str) -> None:
    assert to_yaml([{"k": value}]) == f'---\nk: "{value}"\n'
    assert to_yaml([{value: 1}]) == f'---\n"{value}": 1\n'


@pytest.mark.parametrize(
    "value",
    [
        "llama-3",
        "nvidia.com/gpu",
        "/health",
        "v1.36",
        "vllm/vllm-openai:v0.33.0@sha256:00ff",
        "x=y",
        "RollingUpdate",
    ],
)
def test_a_plain_word_is_not_quoted(value: str) -> None:
    assert to_yaml([{"k": value}]) == f"---\nk: {value}\n"


def test_several_lines_are_a_literal_block() -> None:
    assert to_yaml([{"k": "a: 1\n  b\n\nc\n"}]) == "---\nk: |\n  a: 1\n    b\n\n  c\n"


def test_long_strings_are_never_folded() -> None:
    long = "word " * 100 + "end"

    assert long in to_yaml([{"k": long}])


def test_numbers_and_booleans_are_plain_and_keys_keep_their_order() -> None:
    assert to_yaml([{"b": 1, "a": True, "c": 0, "d": 2**40}]) == "---\nb: 1\na: true\nc: 0\nd: 1099511627776\n"


def test_a_value_used_twice_is_written_twice() -> None:
    shared = {"x": 1}

    assert to_yaml([{"a": shared, "b": shared}]) == "---\na:\n  x: 1\nb:\n  x: 1\n"


@given(st.lists(st.dictionaries(TEXT, VALUES, max_size=4), min_size=1, max_size=3))
def test_whatever_is_written_is_read_back(documents: list[dict[str, Any]]) -> None:
    assert list(yaml.safe_load_all(to_yaml(documents))) == documents
