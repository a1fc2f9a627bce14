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
        for pod in expand(one, assembly):
            yield from _judged("Pod", pod, one.file, one.path)


def _judged(kind: str, subject: Resource | KubeObject | Pod, file: str | None, path: str) -> Iterator[Problem]:
    for rule in _by_kind().get(kind, ()):
        if isinstance(subject, Pod) == (rule.applies == ("Pod",)):
            for message in rule.check(subject):
                yield Problem(code=rule.code, message=message, file=file, path=path, fix=rule.fix)


@cache
def _by_kind() -> Mapping[str, tuple[Rule, ...]]:
    table: dict[str, tuple[Rule, ...]] = {}
    for rule in RULES:
        for kind in rule.applies:
            table[kind] = (*table.get(kind, ()), rule)
    return table
