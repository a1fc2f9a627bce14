"""Generated files are deterministic and never half written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ai_on_eks.maintenance.writing import compact, document, write_atomically


def test_given_equal_facts_in_another_order_then_the_bytes_are_equal() -> None:
    one = document({"b": 1, "a": 2}, "things", {"y": {"q": 1, "p": 2}, "x": []})
    two = document({"a": 2, "b": 1}, "things", {"x": [], "y": {"p": 2, "q": 1}})
    assert one == two
    assert json.loads(one) == {"a": 2, "b": 1, "things": {"x": [], "y": {"p": 2, "q": 1}}}
    assert one.splitlines()[-4:-2] == ['"x":[],', '"y":{"p":2,"q":1}']


def test_given_a_number_that_json_does_not_have_then_it_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        compact({"a": float("nan")})


def test_given_a_new_file_then_folders_are_made_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_atomically(tmp_path / "deep" / "file.json", "new")
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["file.json"]
    assert (tmp_path / "deep" / "file.json").read_text(encoding="utf-8") == "new"


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_given_a_failure_while_writing_then_the_old_file_stays_and_no_rest_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    target = tmp_path / "file.json"
    target.write_text("old", encoding="utf-8")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, failing, fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(target, "new")
    assert target.read_text(encoding="utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file.json"]
