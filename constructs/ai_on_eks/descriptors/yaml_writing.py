"""Plain values as tidy YAML that `yaml_reading` reads back as the same values.

Text stays unquoted only where the YAML 1.2 core schema reads it as that text; otherwise it is quoted as JSON quotes it.
(PyYAML's emitter follows YAML 1.1: it leaves 0o14 and 1e3 unquoted, which 1.2 reads as numbers.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.scalars import NotANumberError, resolve

_PLAIN = re.compile(r"[A-Za-z0-9_./+][A-Za-z0-9_./+:@=%-]*")
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SHORT = 100


def write_yaml(value: Mapping[str, Any]) -> str:
    """A mapping as YAML in block style, short lists of scalars in one line; keys keep their order."""
    return "\n".join(_mapping(value, 0)) + "\n"


def scalar(value: Any) -> str:
    """One scalar as it stands in a file."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return text(str(value))


def text(value: str) -> str:
    """Text, quoted only where it has to be."""
    try:
        same = resolve(value) == value and isinstance(resolve(value), str)
    except NotANumberError:
        same = False
    if same and _PLAIN.fullmatch(value) and not value.endswith(":"):
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match.group(0)):04x}", quoted)


def _mapping(value: Mapping[str, Any], indent: int) -> list[str]:
    lines: list[str] = []
    for key, inner in value.items():
        lines += _entry(f"{' ' * indent}{text(key)}:", inner, indent)
    return lines


def _entry(head: str, value: Any, indent: int) -> list[str]:
    if isinstance(value, Mapping) and value:
        return [head, *_mapping(value, indent + 2)]
    if isinstance(value, list | tuple) and value:
        flow = _flow(value)
        if flow is not None and len(head) + len(flow) < _SHORT:
            return [f"{head} {flow}"]
        return [head, *(line for item in value for line in _item(item, indent + 2))]
    if isinstance(value, Mapping):
        return [f"{head} {{}}"]
    return [f"{head} []"] if isinstance(value, list | tuple) else [f"{head} {scalar(value)}"]


def _item(value: Any, indent: int) -> list[str]:
    dash = " " * indent + "-"
    if isinstance(value, Mapping) and value:
        first, *rest = _mapping(value, indent + 2)
        return [f"{dash} {first.lstrip()}", *rest]
    return _entry(dash, value, indent)


def _flow(value: list[Any] | tuple[Any, ...]) -> str | None:
    """`[a, b]` for scalars; None where an item is a container."""
    if any(isinstance(item, Mapping | list | tuple) for item in value):
        return None
    return "[" + ", ".join(scalar(item) for item in value) + "]"
