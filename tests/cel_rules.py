"""The rules in CEL (`x-kubernetes-validations`) that an API server holds an object against beside its schema.

They are evaluated by CEL's own runtime, with the one function of Kubernetes' own that such rules use. Rules about a
change, which name `oldSelf`, have nothing to compare here. As on the server, defaults are filled in first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

Json = dict[str, Any]


def violations_of(schema: Json, value: Any) -> list[str]:
    """Every rule that the value breaks, as `path: message`."""
    return list(_violations(schema, defaulted(schema, value), "$"))


def defaulted(schema: Json, value: Any) -> Any:
    """The value with the defaults of what it leaves out."""
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        others = schema.get("additionalProperties")
        missing = {key: one["default"] for key, one in fields.items() if "default" in one and key not in value}
        return {
            key: defaulted(fields.get(key) or (others if isinstance(others, dict) else {}), one)
            for key, one in {**deepcopy(missing), **value}.items()
        }
    if isinstance(value, list):
        return [defaulted(schema.get("items", {}), one) for one in value]
    return value


def _violations(schema: Json, value: Any, path: str) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" not in rule["rule"] and not _holds(rule["rule"], value):
            yield f"{path}: {rule.get('message', rule['rule'])}"
    if isinstance(value, dict):
        fields, others = schema.get("properties", {}), schema.get("additionalProperties")
        for key, one in value.items():
            child = fields.get(key, others)
            if isinstance(child, dict):
                yield from _violations(child, one, f"{path}.{key}")
    elif isinstance(value, list):
        for position, one in enumerate(value):
            yield from _violations(schema.get("items", {}), one, f"{path}[{position}]")


def _holds(rule: str, value: Any) -> bool:
    """False also where the rule cannot be evaluated, as on the server."""
    return _compiled(rule).eval(data={"self": value}).plain_value() is True


@cache
def _compiled(rule: str) -> cel.Expression:
    return _environment().compile(rule)


@cache
def _environment() -> cel.Env:
    text = cel.Type.STRING
    find = cel.Overload("string_find_string", text, [text, text], is_member=True, impl=_find)
    return cel.NewEnv(
        variables={"self": cel.Type.DYN},
        functions=[cel.FunctionDecl("find", [find])],
        extensions=[ext_strings.ExtStrings()],
    )


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return found.group(0) if found else ""
