"""Frozen values are structs (decision 29); a frozen dataclass says what a struct has no word for.

Programs that run in the cluster have the standard library alone, so theirs are dataclasses.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from architecture_repository import LIBRARY, ROOT, files

SOURCES = [
    path
    for folder in ("constructs", "k8s", "stacks", "benchmarks")
    for path in files(ROOT / folder)
    if path.suffix == ".py" and LIBRARY / "programs" not in path.parents
]


def frozen_dataclasses(source: str) -> list[str]:
    """Names of the classes that are frozen dataclasses and hide no field from `repr` or comparison."""
    return [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        and any("dataclass" in ast.unparse(each) and "frozen=True" in ast.unparse(each) for each in node.decorator_list)
        and not any(word in ast.unparse(node) for word in ("repr=False", "compare=False"))
    ]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_given_a_source_file_when_read_then_its_frozen_values_are_structs(path: Path) -> None:
    assert frozen_dataclasses(path.read_text(encoding="utf-8")) == []


def test_given_a_planted_frozen_dataclass_when_read_then_it_is_named() -> None:
    planted = "@dataclass(frozen=True, slots=True)\nclass Planted:\n    size_gib: int\n"
    assert frozen_dataclasses(planted) == ["Planted"]
    assert frozen_dataclasses(planted + "    token: str = field(repr=False)\n") == []
