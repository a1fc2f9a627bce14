"""CloudFormation's intrinsic functions as a reader of two templates needs them: as text, and as references.

Unlike `rules.values`, which asks what a value may turn out to be, nothing here is resolved: a reference is written as
`${Name.Attribute}`, so two templates can be compared and shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


def text_of(value: Any) -> str:
    """The value in one line: text with references in `${}`, anything else as compact JSON-like text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(text_of, value))}]"
    if not isinstance(value, dict):
        return "none" if value is None else str(value)
    if len(value) == 1:
        ((name, argument),) = value.items()
        found = _function(name, argument)
        if found is not None:
            return found
    return f"{{{', '.join(f'{key}: {text_of(item)}' for key, item in value.items())}}}"


def _function(name: str, argument: Any) -> str | None:
    """A function's text; None for one that is shown as it is written."""
    if name == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):
        return str(argument[0]).join(text_of(part) for part in argument[1])
    if name == "Fn::GetAtt":
        return f"${{{'.'.join(map(text_of, argument)) if isinstance(argument, list) else argument}}}"
    if name in ("Fn::Sub", "Fn::Base64"):
        return text_of(argument[0] if isinstance(argument, list) and argument else argument)
    shown = {"Ref": "${%s}", "Fn::ImportValue": "${import %s}"}.get(name)
    return None if shown is None else shown % text_of(argument)


def references(value: Any) -> Iterator[str]:
    """Logical ids of the same template that the value refers to; names of parameters among them."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for name, argument in value.items():
            yield from _referred(name, argument)


def imports(value: Any) -> Iterator[str]:
    """Names of exports that the value takes from other stacks."""
    if isinstance(value, list):
        for item in value:
            yield from imports(item)
    elif isinstance(value, dict):
        for name, argument in value.items():
            if name == "Fn::ImportValue":
                yield text_of(argument)
            else:
                yield from imports(argument)


def _referred(name: str, argument: Any) -> Iterator[str]:
    if name == "Ref" and isinstance(argument, str):
        yield argument
    elif name == "Fn::GetAtt":
        first = argument[0] if isinstance(argument, list) and argument else str(argument).partition(".")[0]
        yield str(first)
    elif name == "Fn::Sub":
        text, own = (argument[0], argument[1]) if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        for variable in _VARIABLE.findall(text if isinstance(text, str) else ""):
            if variable not in own:
                yield variable.partition(".")[0]
        yield from references(own)
    else:
        yield from references(argument)
