"""Plain text to value by the YAML 1.2 core schema, and nothing beyond it.

    null   empty  ~  null Null NULL
    bool   true True TRUE  false False FALSE        (yes, no, on and off are text)
    int    [-+]?[0-9]+   0o[0-7]+   0x[0-9a-fA-F]+  (1:30 and 1_000 are text; 012 is twelve)
    float  [-+]? ( . digits | digits [. digits] ) [exponent]

PyYAML's own rules are YAML 1.1's: they read `no` as false, 1:30 as 90 and 012 as ten.
"""

from __future__ import annotations

import math
import re

from ai_on_eks.descriptors.document import MAX_DIGITS

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGERS = (
    (re.compile(r"[-+]?[0-9]+"), 10),
    (re.compile(r"0o[0-7]+"), 8),
    (re.compile(r"0x[0-9a-fA-F]+"), 16),
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


class NotANumberError(ValueError):
    """The text is a number that cannot be used: infinite, not a number, or beyond 64 bits."""


def resolve(text: str) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789":
        return text
    for form, base in _INTEGERS:
        if form.fullmatch(text):
            return _integer(text, base)
    if _FLOAT.fullmatch(text):
        return finite(float(text), text)
    if _NOT_FINITE.fullmatch(text):
        raise NotANumberError(f"{text} is not a finite number")
    return text


def finite(value: float, text: str) -> float:
    """`value` if it is a number one can calculate with."""
    if not math.isfinite(value):
        raise NotANumberError(f"{shorten(text)} is not a finite number")
    return value


def integer(text: str) -> int:
    """A decimal integer below 2**63 in magnitude; leading zeros mean nothing."""
    return _integer(text, 10)


def shorten(text: str, limit: int = 40) -> str:
    """Text for a message: at most `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def _integer(text: str, base: int) -> int:
    if len(text) <= MAX_DIGITS + 2:  # sign or prefix
        value = int(text, base)
        if abs(value) < 2**63:
            return value
    raise NotANumberError(f"{shorten(text)} is beyond 64 bits")
