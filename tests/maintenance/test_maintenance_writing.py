"""Generated files are deterministic."""

from __future__ import annotations

import json

import pytest

from ai_on_eks.maintenance.writing import compact, document


def test_given_equal_facts_in_another_order_then_the_bytes_are_equal() -> None:
    one = document({"b": 1, "a": 2}, "things", {"y": {"q": 1, "p": 2}, "x": []})
    two = document({"a": 2, "b": 1}, "things", {"x": [], "y": {"p": 2, "q": 1}})
    assert one == two
    assert json.loads(one) == {"a": 2, "b": 1, "things": {"x": [], "y": {"p": 2, "q": 1}}}
    assert one.splitlines()[-4:-2] == ['"x":[],', '"y":{"p":2,"q":1}']


def test_given_a_number_that_json_does_not_have_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        compact({"a": float("nan")})
