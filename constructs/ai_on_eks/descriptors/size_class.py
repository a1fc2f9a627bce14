"""The four size classes that models are spoken of in, derived from what is counted and never typed."""

from __future__ import annotations

CLASSES = ((10**9, "<1B"), (10**10, "1-10B"), (10**11, "10-100B"))
"""Parameters below which a model belongs to a class; whatever is larger belongs to `LARGEST`."""

LARGEST = ">100B"


def size_class(parameters: int) -> str:
    """`<1B`, `1-10B`, `10-100B` or `>100B`, by all parameters: those of idle experts need memory too."""
    return next((name for bound, name in CLASSES if parameters < bound), LARGEST)
