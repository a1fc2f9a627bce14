"""A docstring that explains fields explains fields that exist: a renamed field takes its explanation along."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from architecture_repository import ROOT, files

EXPLAINED = re.compile(r"([a-z][a-z0-9_]*(?:, [a-z][a-z0-9_]*)*) {2,}\S")
"""A line of a table in a docstring: names, at least two blanks, what they mean."""

SOURCES = [path for folder in ("constructs", "k8s", "stacks") for path in files(ROOT / folder) if path.suffix == ".py"]


def explained_but_absent(source: str) -> Iterator[str]:
    """`Class.name` for every name that a class explains and does not have."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            fields = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
            members = {field.id for field in fields if isinstance(field, ast.Name)}
            members |= {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
            for line in (ast.get_docstring(node) or "").splitlines():
                table = EXPLAINED.match(line)
                names = table.group(1).split(", ") if table else []
                yield from (f"{node.name}.{name}" for name in names if name not in members)


def test_given_every_class_when_its_docstring_is_read_then_the_fields_it_explains_exist() -> None:
    assert len(SOURCES) > 50
    found = {
        path.relative_to(ROOT).as_posix(): names
        for path in SOURCES
        if (names := list(explained_but_absent(path.read_text(encoding="utf-8"))))
    }
    assert found == {}


@pytest.mark.parametrize(
    ("line", "expected"),
    [("size  how large", []), ("sizes  how large", ["A.sizes"]), ("size, age  both", ["A.age"]), ("size is large", [])],
)
def test_given_a_class_when_checked_then_names_it_does_not_have_are_found(line: str, expected: list[str]) -> None:
    assert list(explained_but_absent(f'class A:\n    """Text.\n\n    {line}\n    """\n\n    size: int\n')) == expected
