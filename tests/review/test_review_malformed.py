"""Objects that others wrote, with something else in a field's place than its schema has."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import review_samples as samples

from ai_on_eks.review.rules.assembly import read_assembly
from ai_on_eks.review.rules.checking import findings

CODE = "shape-not-readable"


def deployment() -> dict[str, Any]:
    """One of ours that serves a model."""
    objects = [body for bodies in samples.ours().objects.values() for body in bodies]
    return next(body for body in objects if body["kind"] == "Deployment")


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, one in inner:
        yield (*path, step)
        yield from places(one, (*path, step))


def changed(body: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    result = copy.deepcopy(body)
    *outer, last = path
    parent: Any = result
    for step in outer:
        parent = parent[step]
    parent[last] = value
    return result


@pytest.mark.parametrize("value", [None, "text", 7, ["text"], {"text": "text"}], ids=repr)
def test_given_any_field_of_another_kind_when_judged_then_findings_come_and_no_traceback(value: Any) -> None:
    body = deployment()
    unreadable = 0
    for path in places(body):
        found = findings(read_assembly({}, {"theirs.yaml": [changed(body, path, value)]}))
        unreadable += any(one.code == CODE for one in found)
    assert unreadable > 0


def test_given_a_field_that_cannot_be_read_when_judged_then_object_and_rule_are_named_and_the_rest_is_judged() -> None:
    theirs = changed(deployment(), ("spec", "template", "spec", "containers", 0, "securityContext"), "restricted")
    theirs["spec"]["template"]["spec"]["hostNetwork"] = True
    found = findings(read_assembly({}, {"theirs.yaml": [theirs]}))
    told = [one for one in found if one.code == CODE]
    assert told
    assert {one.file for one in told} == {"theirs.yaml"}
    assert {one.path for one in told} == {f"Deployment/{theirs['metadata']['name']}"}
    assert {one.code for one in found} > {CODE}
