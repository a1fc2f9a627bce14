"""What a bill is made of."""

from __future__ import annotations

from msgspec import Struct


class Line(Struct, frozen=True):
    """One line.

    usd_per_month  None = unknown
    basis          what is counted (`2 × g6.xlarge`)
    by_use         what comes on top by use, in words; None = nothing
    """

    group: str
    name: str
    usd_per_month: float | None
    basis: str
    by_use: str | None = None
