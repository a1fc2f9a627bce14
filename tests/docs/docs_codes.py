"""Every problem code that the code can give, read from its syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs_pages import ROOT

SOURCES = ("app.py", "constructs/ai_on_eks", "k8s", "stacks")
KEBAB = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Use:
    """One place that gives a code. `code` is None where it cannot be read from the source."""

    code: str | None
    place: str


def uses() -> tuple[Use, ...]:
    """Every code given to `Problem`, or to a function that hands its parameter `code` on to it."""
    trees = [(path, ast.parse(path.read_text(encoding="utf-8"))) for path in _sources()]
    carriers = {"Problem": 0}
    for _path, tree in trees:
        carriers |= _positions(tree, "code")
    return tuple(use for path, tree in trees for use in _uses(path, tree, carriers))


def _sources() -> Iterator[Path]:
    for name in SOURCES:
        path = ROOT / name
        yield from sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _positions(tree: ast.Module, parameter: str) -> dict[str, int]:
    """Functions and classes called with `parameter`, and its position in such a call."""
    owners = {
        member: node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for member in node.body
        if isinstance(member, ast.FunctionDef) and member.name == "__init__"
    }
    found = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        names = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
        names = names[1:] if names[:1] in (["self"], ["cls"]) else names
        keyword_only = [argument.arg for argument in node.args.kwonlyargs]
        if parameter in (*names, *keyword_only):
            found[owners.get(node, node.name)] = names.index(parameter) if parameter in names else len(names)
    return found


def _uses(path: Path, tree: ast.Module, carriers: dict[str, int]) -> Iterator[Use]:
    for call, given in _given(tree, carriers, "code"):
        if "code" in (getattr(given, "id", ""), getattr(given, "attr", "")):
            continue  # the hand-over itself
        for code in _texts(given, tree):
            yield Use(code, f"{path.relative_to(ROOT)}:{call.lineno}")


def _given(tree: ast.Module, positions: dict[str, int], parameter: str) -> Iterator[tuple[ast.Call, ast.expr]]:
    """Every call of these functions with what it gives for the parameter."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        if name not in positions:
            continue
        given = next((keyword.value for keyword in node.keywords if keyword.arg == parameter), None)
        if given is None and len(node.args) > positions[name]:
            given = node.args[positions[name]]
        if given is not None:
            yield node, given


def _texts(node: ast.expr, tree: ast.Module) -> list[str | None]:
    """The texts an expression can be: a literal, one of two, or a literal with one parameter of its function in it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [node.value]
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body, tree), *_texts(node.orelse, tree)]
    if isinstance(node, ast.JoinedStr):
        filled_in = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        if len(filled_in) == 1 and isinstance(filled_in[0], ast.Name):
            name = filled_in[0].id
            return [_filled(node, given) for _, given in _given(tree, _positions(tree, name), name)] or [None]
    return [None]


def _filled(node: ast.JoinedStr, given: ast.expr) -> str | None:
    if not isinstance(given, ast.Constant):
        return None
    return "".join(str(part.value if isinstance(part, ast.Constant) else given.value) for part in node.values)
