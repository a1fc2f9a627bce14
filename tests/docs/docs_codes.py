"""Every problem code that the code can give, read from its syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from docs_pages import ROOT
from msgspec import Struct

SOURCES = ("app.py", "constructs/ai_on_eks", "k8s", "pipeline.py", "stacks")
LEAST_LITERAL_CHARACTERS = 8
"""Texts with less of their own would match any message."""

KEBAB = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class Use(Struct, frozen=True):
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
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if len(names) == 1:
            name = names.pop()
            return [_filled(node, name, given) for _, given in _given(tree, _positions(tree, name), name)] or [None]
    return [None]


def _filled(node: ast.JoinedStr, name: str, given: ast.expr) -> str | None:
    """The text with the parameter filled in: a literal, as it is or with one thing replaced by another."""
    if not isinstance(given, ast.Constant) or not isinstance(given.value, str):
        return None
    texts = (_part(part, name, given.value) for part in node.values)
    known = [text for text in texts if text is not None]
    return "".join(known) if len(known) == len(node.values) else None


def _part(part: ast.expr, name: str, given: str) -> str | None:
    value = part.value if isinstance(part, ast.FormattedValue) else part
    if isinstance(value, ast.Constant):
        return str(value.value)
    if isinstance(value, ast.Name) and value.id == name:
        return given
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "replace":
        old, new = (argument.value for argument in value.args if isinstance(argument, ast.Constant))
        return given.replace(str(old), str(new))
    return None


def message_patterns() -> tuple[re.Pattern[str], ...]:
    """Beginnings that messages can have: every text of the sources, with anything where a value is filled in."""
    texts: set[str] = set()
    for path in _sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else None for part in node.values]
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                parts = [node.value]
            else:
                continue
            if sum(len(part) for part in parts if part) >= LEAST_LITERAL_CHARACTERS:
                texts.add("".join(".*" if part is None else re.escape(part) for part in parts))
    return tuple(re.compile(text, re.DOTALL) for text in sorted(texts))
