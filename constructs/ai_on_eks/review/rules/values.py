"""Property values with CloudFormation's intrinsic functions resolved as far as it is certain.

What only a deployment knows is `Unknown`, or a `HOLE` inside a text that is partly known. A rule never takes either for
a wrong value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

HOLE = "\ue000"
"""Stands in a text for what is not known. A character for private use: no template holds it by itself."""

_VARIABLE = re.compile(r"\$\{[^!}][^}]*\}")


class Unknown(Struct, frozen=True):
    """A value that only a deployment knows; `resource` where it is that of a resource of the same template."""

    resource: str | None = None
    attribute: str | None = None


UNKNOWN = Unknown()

_ABSENT = object()


def resolved(value: Any, resources: Mapping[str, Any]) -> Any:
    """The value with every intrinsic function replaced. `AWS::NoValue` removes what it is given for."""
    if isinstance(value, list):
        items = [resolved(item, resources) for item in value]
        return [item for item in items if item is not _ABSENT]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((name, argument),) = value.items()
        if name == "Ref" or name.startswith("Fn::"):
            return _intrinsic(name, argument, resources)
    entries = {key: resolved(item, resources) for key, item in value.items()}
    return {key: item for key, item in entries.items() if item is not _ABSENT}


def dig(value: Any, *path: str | int) -> Any:
    """What lies at the path: None where it is certain that nothing does, `Unknown` where it cannot be told."""
    for step in path:
        if isinstance(value, Unknown):
            return UNKNOWN
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
    return value


def items(value: Any) -> list[Any]:
    """The items of a list, of a single value as CloudFormation and IAM allow it, or none."""
    if isinstance(value, list):
        return value
    return [] if value is None or isinstance(value, Unknown) else [value]


def possible_items(value: Any) -> list[Any]:
    """As `items`, with one unknown item for a list that is not known."""
    return [value] if isinstance(value, Unknown) else items(value)


def may_be(value: Any, *wanted: Any) -> bool:
    """Whether the value is one of these, or may turn out to be."""
    return isinstance(value, Unknown) or (isinstance(value, str) and HOLE in value) or value in wanted


def may_refer(value: Any, resource: str) -> bool:
    """Whether the value is, or may turn out to be, a reference to the resource."""
    return isinstance(value, Unknown) and value.resource in (None, resource)


def is_given(value: Any, key: str) -> bool:
    """Whether the mapping is certain to hold the key, with whatever value."""
    return isinstance(value, Mapping) and value.get(key) is not None


def is_known(value: Any) -> bool:
    """Whether every part of the value is certain."""
    if isinstance(value, Unknown):
        return False
    if isinstance(value, str):
        return HOLE not in value
    if isinstance(value, list):
        return all(is_known(item) for item in value)
    return not isinstance(value, Mapping) or all(is_known(item) for item in value.values())


def number(value: Any) -> float | None:
    """A number, which a template may give as text; None where it is none or not known."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _intrinsic(name: str, argument: Any, resources: Mapping[str, Any]) -> Any:
    if name in ("Ref", "Fn::GetAtt"):
        return _reference(argument, resources)
    if name == "Fn::Base64":
        return resolved(argument, resources)
    if name == "Fn::Sub" and isinstance(argument, str):
        return _VARIABLE.sub(HOLE, argument).replace("${!", "${")
    if name == "Fn::Join":
        return _joined(argument, resources)
    return UNKNOWN


def _reference(argument: Any, resources: Mapping[str, Any]) -> Any:
    if argument == "AWS::NoValue":
        return _ABSENT
    target, _, attribute = argument.partition(".") if isinstance(argument, str) else (argument[0], "", argument[1])
    return Unknown(target, str(attribute) or None) if target in resources else UNKNOWN


def _joined(argument: Any, resources: Mapping[str, Any]) -> Any:
    """Separator and parts as one text; unknown parts become holes."""
    separator, parts = argument
    parts = resolved(parts, resources)
    if not isinstance(parts, list):
        return UNKNOWN
    return separator.join(part if isinstance(part, str) else HOLE for part in parts)
