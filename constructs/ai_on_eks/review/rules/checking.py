"""Every rule over one assembly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from ai_on_eks.errors import Problem
from ai_on_eks.review.rules.acknowledged import Acknowledgement
from ai_on_eks.review.rules.assembly import Assembly, KubeObject, Resource
from ai_on_eks.review.rules.pods import Pod, expand
from ai_on_eks.review.rules.rule import Rule
from ai_on_eks.review.rules.table import RULES

_OF_ANOTHER_SHAPE = (AttributeError, IndexError, KeyError, TypeError, ValueError)
"""What reading ends in where a file that others wrote has a list, text or null in a mapping's place. Nobody has judged
such an object then, which is a finding and no end of all others."""


def findings(assembly: Assembly, acknowledged: Sequence[Acknowledgement] = ()) -> tuple[Problem, ...]:
    """Everything the rules object to and nobody acknowledged, in the assembly's order."""
    return tuple(
        problem
        for problem in _found(assembly)
        if not any(one.covers(problem.code, problem.path) for one in acknowledged)
    )


def _found(assembly: Assembly) -> Iterator[Problem]:
    for template in assembly.templates:
        for resource in template.resources.values():
            yield from _judged(resource.type, resource, template.file, f"Resources.{resource.name}")
    for one in assembly.objects:
        yield from _judged(one.kind, one, one.file, one.path)
        try:
            pods = [*expand(one, assembly)]
        except _OF_ANOTHER_SHAPE as error:
            yield _unreadable(f"its pods cannot be read: {error}", one.file, one.path)
            continue
        for pod in pods:
            yield from _judged("Pod", pod, one.file, one.path)


def _judged(kind: str, subject: Resource | KubeObject | Pod, file: str | None, path: str) -> Iterator[Problem]:
    for rule in _by_kind().get(kind, ()):
        if isinstance(subject, Pod) == (rule.applies == ("Pod",)):
            try:
                messages = [*rule.check(subject)]
            except _OF_ANOTHER_SHAPE as error:
                yield _unreadable(f"{rule.code} cannot judge it: {error}", file, path)
                continue
            for message in messages:
                yield Problem(code=rule.code, message=message, file=file, path=path, fix=rule.fix)


def _unreadable(message: str, file: str | None, path: str) -> Problem:
    fix = "give each field a value of the kind that its schema has"
    return Problem(code="shape-not-readable", message=message, file=file, path=path, fix=fix)


@cache
def _by_kind() -> Mapping[str, tuple[Rule, ...]]:
    table: dict[str, tuple[Rule, ...]] = {}
    for rule in RULES:
        for kind in rule.applies:
            table[kind] = (*table.get(kind, ()), rule)
    return table
