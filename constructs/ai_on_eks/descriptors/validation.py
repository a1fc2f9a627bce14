"""From a document to a model: every mistake of the file at once, each with its line and the smallest fix.

pydantic finds the mistakes; this module says them. Cross-field checks run on what is left after the wrong parts are
taken out, so that a misspelt key does not hide a contradiction elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from ai_on_eks.descriptors.complaints import complaints, nearest
from ai_on_eks.descriptors.document import Document, join
from ai_on_eks.errors import InputError, Problem

Model = TypeVar("Model", bound=BaseModel)
Check = Callable[[Model], Sequence[Problem]]


def validate(document: Document, model: type[Model], check: Check[Model] | None = None) -> Model:
    """The document as `model`, or an InputError with all its problems sorted by line.

    `check` looks at a well-formed model and returns problems with a `path`; file and line are added here.
    """
    if not isinstance(document.value, dict):
        message = f"holds {describe(document.value)} where keys with values are wanted"
        fix = f"start with '{next(iter(model.model_fields))}: …'"
        raise InputError(Problem("not-a-mapping", message, document.file, document.line("") or 1, fix=fix))
    problems: list[Problem] = []
    result = _parse(document.value, model, problems)
    if result is None:
        result = _parse(_pruned(document.value, problems), model, [])
    if result is not None and check is not None:
        wrong = {problem.path for problem in problems if problem.path}
        problems += [found for found in check(result) if not _within(found.path, wrong)]
    if problems or result is None:
        raise InputError(sort([locate(problem, document) for problem in problems]))
    return result


def locate(problem: Problem, document: Document) -> Problem:
    """The problem with file and line of its path, as far as it does not say them itself."""
    if problem.file is not None:
        return problem
    path = problem.path or ""
    if problem.code == "missing-field":
        path = path.rpartition(".")[0]
    return replace(problem, file=document.file, line=problem.line or document.line(path))


def sort(problems: Sequence[Problem]) -> list[Problem]:
    """By file, line, path and code: a total order."""
    return sorted(problems, key=lambda one: (one.file or "", one.line or 0, one.path or "", one.code, one.message))


def describe(value: object) -> str:
    """What kind of value it is, in the words of the file format."""
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if value is None:
        return "nothing"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


def _parse(value: Any, model: type[Model], problems: list[Problem]) -> Model | None:
    """Strict, but with lists for tuples and text for enumerations: pydantic's JSON mode."""
    try:
        return model.model_validate_json(json.dumps(value))
    except ValidationError as error:
        problems += _without_consequences(complaints(error.errors(include_url=False), value, model))
        return None


def _without_consequences(problems: Sequence[Problem]) -> list[Problem]:
    """A misspelt key is one mistake: that the right one is missing is left out."""
    misspelt = {
        join((problem.path or "").rpartition(".")[0], guess)
        for problem in problems
        if problem.code == "unknown-key"
        and (guess := nearest((problem.path or "").rpartition(".")[2], problem.allowed))
    }
    return [problem for problem in problems if problem.code != "missing-field" or problem.path not in misspelt]


def _pruned(value: Any, problems: Sequence[Problem]) -> Any:
    """A copy without the values that have a problem; lists that hold one are left out whole."""
    wrong = {problem.path for problem in problems}

    def keep(item: Any, path: str) -> Any:
        if not isinstance(item, dict):
            return item
        return {
            key: keep(inner, join(path, key)) for key, inner in item.items() if not _touched(join(path, key), wrong)
        }

    return keep(value, "")


def _touched(path: str, wrong: set[str | None]) -> bool:
    return any(one is not None and (one == path or one.startswith(f"{path}[")) for one in wrong)


def _within(path: str | None, wrong: set[str]) -> bool:
    """Whether a check's problem follows from a value that is already reported: inside it, or around it."""
    return path is not None and any(_contains(one, path) or _contains(path, one) for one in wrong)


def _contains(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}["))
