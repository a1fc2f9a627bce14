"""Units. Bytes are `int`; GiB means 2**30; nothing is ever rounded up to a brochure figure."""

from __future__ import annotations

MIB = 2**20
GIB = 2**30

HOURS_PER_MONTH = 730
"""The month AWS's own price pages use: 365 days × 24 h ÷ 12."""


def format_gib(value_bytes: int | float, digits: int = 2) -> str:
    """`'14.96 GiB'`. Negative values keep their sign."""
    return f"{value_bytes / GIB:.{digits}f} GiB"


def ceil_div(numerator: int, denominator: int) -> int:
    """Integer division rounded towards plus infinity. `denominator` must be positive."""
    return -(-numerator // denominator)


def counted(number: int, noun: str) -> str:
    """`'1 layer'`, `'1,024 layers'`, `'2 entries'`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun.removesuffix('y')}ies" if noun.endswith("ry") else f"{number:,} {noun}s"
