"""JSON, with the faults that Python's reader lets through refused.

Python's `json` accepts NaN and 1e999, keeps the last of two equal keys, converts integers of any length and recurses
into nesting. The hooks below refuse each; nesting and size are counted before it is called.

Python also writes NaN, Infinity and -Infinity, which are not JSON, and transformers reads them back: published configs
hold them (Nemotron-H: `"time_step_limit": [0.0, Infinity]`). In a model's own config such a word is read as null, no
value: nothing computes with it, and a hyper-parameter that is needed is then told to be missing. Elsewhere it is
refused, as a number too large for a double, such as 1e999, is everywhere.
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from msgspec import Struct

from ai_on_eks.descriptors.document import MAX_DEPTH, MAX_NODES, Document, refuse
from ai_on_eks.descriptors.scalars import NotANumberError, finite, integer, shorten

MAX_JSON_BYTES = 8 * 2**20
"""The largest published config.json has 0.2 MB (labels)."""

# possessive: a string without its closing quote is skipped once instead of being tried from every quote
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)


class _Refused(ValueError):  # noqa: N818 - carries the code and the message of a problem, never leaves this module
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Limits(Struct, frozen=True):
    """What is counted before Python's reader sees the text; `what` the file should be."""

    depth: int = MAX_DEPTH
    nodes: int = MAX_NODES
    what: str = "a model's config"


MODEL_CONFIG = Limits()


def parse_json(text: str, file: str, *, words_are_null: bool = False, limits: Limits = MODEL_CONFIG) -> Document:
    """The document in `text`; any fault is an InputError. Lines are known for syntax errors only.

    `words_are_null`: NaN, Infinity and -Infinity stand for no value, as in a model's own config; else they are refused.
    """
    _bound(text, file, limits)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_mapping,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_null if words_are_null else _constant,
        )
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise refuse("not-json", message, file, error.lineno, fix="correct the syntax at this line or above") from None
    except _Refused as error:
        raise refuse(error.code, str(error), file, fix="correct the file") from None
    return Document(file=file, value=value)


def _bound(text: str, file: str, limits: Limits) -> None:
    """One pass over the brackets and commas outside strings."""
    depth = 0
    nodes = 0
    for match in _TOKEN.finditer(text):
        token = match.group(0)
        if token[0] in "[{":
            depth += 1
            if depth > limits.depth:
                line = text.count("\n", 0, match.start()) + 1
                message = f"more than {limits.depth} levels of nesting"
                raise refuse("nested-too-deep", message, file, line, fix=f"check that this is {limits.what}")
        elif token[0] in "]}":
            depth -= 1
        nodes += token[0] != '"'
        if nodes > limits.nodes:
            message = f"more than {limits.nodes:,} values"
            raise refuse("too-many-values", message, file, fix=f"check that this is {limits.what}")


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise _Refused("duplicate-key", f"the key '{shorten(key)}' is given twice")
        result[key] = value
    return result


def _integer(text: str) -> int:
    try:
        return integer(text)
    except NotANumberError as error:
        raise _Refused("number-not-usable", str(error)) from None


def _float(text: str) -> float:
    try:
        return finite(float(text), text)
    except NotANumberError as error:
        raise _Refused("number-not-usable", str(error)) from None


def _constant(text: str) -> NoReturn:
    raise _Refused("number-not-usable", f"{text} is not a finite number")


def _null(_: str) -> None:
    return None
