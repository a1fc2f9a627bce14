"""Kubernetes quantities as exact numbers: `1500m`, `12Gi`, `0.5`, `1e3`.

Grammar: kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity (2026-11). Floats would do for a
comparison by eye and not at the boundary, where a pod that asks for every free byte either fits or does not.
"""

from __future__ import annotations

import re
from fractions import Fraction

_BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
_DECIMAL = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d{1,2})|(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?))")


def parse_quantity(value: str | int) -> Fraction:
    """The exact value, in units of one (a core, a byte, a device)."""
    match = _QUANTITY.fullmatch(str(value))
    if match is None:
        raise ValueError(f"not a quantity: {value!r}")
    number, exponent, suffix = match.groups()
    if exponent is not None:
        return Fraction(number) * Fraction(10) ** int(exponent)
    if suffix in _BINARY:
        return Fraction(number) * _BINARY[suffix]
    return Fraction(number) * Fraction(10) ** _DECIMAL[suffix]


def format_quantity(value: Fraction) -> str:
    """The shortest exact way to write an amount of at least a thousandth: `2`, `3500m`, `12Gi`."""
    if value.denominator != 1:
        return f"{value * 1000}m"
    number = int(value)
    for suffix, factor in sorted(_BINARY.items(), key=lambda item: -item[1]):
        if number and number % factor == 0:
            return f"{number // factor}{suffix}"
    return str(number)
