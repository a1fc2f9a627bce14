"""Numbers written with a unit where the key's name already holds it: what the writer meant, as the plain number.

    context_tokens: 16k   ->  16000, or 16384 if 16 × 1024 was meant
    ttft_ms: 2s           ->  2000
    max_usd_per_hour: 5 $/h  ->  5

The text is never accepted: a number that is silently converted is a number nobody checked. It is only translated for
the error's fix.
"""

from __future__ import annotations

import re
from decimal import Decimal

from ai_on_eks.units import HOURS_PER_MONTH

_NUMBER = re.compile(r"\s*([$€]?)\s*([-+]?(?:\d{1,3}(?:[,_ ]\d{3})+|\d+)(?:\.\d+)?|[-+]?\.\d+)\s*(\S[^\d]*)?\s*")

_DECIMAL = {
    "": 1, "k": 10**3, "m": 10**6, "mio": 10**6, "b": 10**9, "g": 10**9, "bn": 10**9, "t": 10**12,
    "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30}
_MILLISECONDS = {
    "us": 0.001, "µs": 0.001, "ms": 1, "msec": 1, "millisecond": 1, "s": 1000, "sec": 1000, "second": 1000,
    "m": 60_000, "min": 60_000, "minute": 60_000, "h": 3_600_000,
}  # fmt: skip
_HOURS = {
    "": 1, "h": 1, "hr": 1, "hour": 1, "day": 24, "d": 24, "month": HOURS_PER_MONTH, "mo": HOURS_PER_MONTH,
    "year": 12 * HOURS_PER_MONTH, "y": 12 * HOURS_PER_MONTH,
}  # fmt: skip
_COUNTED = r"(tokens?|tok|sequences?|seqs?|requests?|images?|parameters?|params|items?|nodes?|replicas?)"
_RATE = re.compile(r"\s*/\s*s(ec(ond)?)?$|\s*per\s+s(ec(ond)?)?$")

QUANTITIES = {
    "tokens": "a number of tokens",
    "ms": "a number of milliseconds",
    "usd_per_hour": "a number of US dollars per hour",
    "fraction": "a number between 0 and 1",
    "per_second": "a number per second",
    "parameters": "a number of parameters",
}
"""What a key's name says it holds, by the end of the name."""


def quantity(key: str) -> str:
    """`'a number of tokens'` for `context_tokens`; `'a number'` where the name says nothing more."""
    for ending, words in QUANTITIES.items():
        if key == ending or key.endswith(f"_{ending}"):
            return words
    return "a number"


def translate(key: str, text: str) -> tuple[int | float, ...]:
    """The numbers that `text` may mean for `key`, likeliest first; empty when it is no number with a unit."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return ()
    currency, digits, unit = match.group(1), match.group(2), (match.group(3) or "").strip()
    number = Decimal(re.sub("[,_ ]", "", digits))
    what = quantity(key)
    if what == QUANTITIES["usd_per_hour"]:
        return _exact(number, _dollars(unit))
    if currency:
        return ()
    if what == QUANTITIES["ms"]:
        return _exact(number, _MILLISECONDS.get(unit.lower().removesuffix("s") if len(unit) > 3 else unit.lower()))
    if what == QUANTITIES["fraction"]:
        return _exact(number, 0.01 if unit == "%" else 1.0 if not unit else None)
    return _counted(number, unit, binary_too=what == QUANTITIES["tokens"])


def _counted(number: Decimal, unit: str, *, binary_too: bool) -> tuple[int | float, ...]:
    name = re.sub(rf"\s*{_COUNTED}?$", "", _RATE.sub("", unit.lower()))
    if name in _BINARY:
        return _exact(number, _BINARY[name])
    if name == "k" and binary_too:
        return (*_exact(number, 1000), *_exact(number, 1024))
    return _exact(number, _DECIMAL.get(name))


def _dollars(unit: str) -> float | None:
    """Hours in the period of a price such as `$/h`, `USD per day`; None when it is no price."""
    name = re.sub(r"^(usd|us ?\$|us dollars?|dollars?|\$)", "", unit.lower()).strip()
    name = re.sub(r"^(/|per)\s*", "", name).strip()
    hours = _HOURS.get(name, _HOURS.get(name.removesuffix("s")))
    return 1 / hours if hours else None


def _exact(number: Decimal, factor: float | None) -> tuple[int | float, ...]:
    if factor is None:
        return ()
    value = round(float(number * Decimal(factor)), 6)  # exact: 8.03 × 10**9 in floats ends in …99.999999
    return (int(value),) if value == int(value) else (value,)
