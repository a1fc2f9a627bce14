"""How elements are stored: bytes that a number of them takes.

    bytes(n) = ⌈n × bits ÷ 8⌉ + ⌈⌈n ÷ group⌉ × group_bits ÷ 8⌉

The second term is the scales (and zero points) of block formats.
"""

from __future__ import annotations

from msgspec import Struct

from ai_on_eks.units import ceil_div


class ElementFormat(Struct, frozen=True):
    """`bits` for each element, and `group_bits` more for every `group_elements` of them."""

    bits: int
    group_elements: int = 0
    group_bits: int = 0

    def bytes_for(self, elements: int) -> int:
        scales = ceil_div(ceil_div(elements, self.group_elements) * self.group_bits, 8) if self.group_elements else 0
        return ceil_div(elements * self.bits, 8) + scales

    def __str__(self) -> str:
        return (
            f"({self.bits} + {self.group_bits}/{self.group_elements}) bit"
            if self.group_elements
            else f"{self.bits} bit"
        )
