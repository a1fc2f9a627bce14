"""The tensors that a header lists, held within bounds whatever the format.

A header can name more tensors than memory has room for, and every part of an entry can be made to weigh: a long name
in front of short ones (a scope), or a shape of its own for each tensor. Each is paid for before it is kept.

    name     its characters, once
    shape    once for all tensors that share it, as long as few shapes are remembered
    tensor   a constant, bounded by the number of tensors
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from itertools import pairwise
from operator import attrgetter

from ai_on_eks.descriptors.readers.limits import Limits
from ai_on_eks.descriptors.readers.metadata import text_bytes
from ai_on_eks.descriptors.readers.types import StoredTensor
from ai_on_eks.errors import InputError

Reject = Callable[[int, str], InputError]
"""The error for something at an offset."""

REMEMBERED_SHAPES = 1_024
"""Published models have below a hundred."""

_SHAPE_BYTES, _SIZE_BYTES = 56, 40
"""Of a tuple, and of each number in it with its place."""


class HeldTensors:
    """Tensors of one file in the order of the header."""

    __slots__ = ("_entries", "_held", "_limits", "_memory_left", "_reject", "_shapes")

    def __init__(self, limits: Limits, reject: Reject) -> None:
        self._limits = limits
        self._reject = reject
        self._memory_left = limits.text_bytes
        self._shapes: dict[tuple[int, ...], tuple[int, ...]] = {}
        self._held: list[StoredTensor] = []
        self._entries = array("Q")

    def __len__(self) -> int:
        return len(self._held)

    def __bool__(self) -> bool:
        return bool(self._held)

    def add(self, offset: int, name: str, data_type: str, shape: tuple[int, ...], stored_bytes: int | None) -> None:
        """One more; `offset` is where the header lists it."""
        if len(self._held) >= self._limits.tensors:
            raise self._reject(offset, f"more than {self._limits.tensors:,} tensors")
        memory = text_bytes(name)
        shared = self._shapes.get(shape)
        if shared is None:
            shared = shape
            memory += _SHAPE_BYTES + _SIZE_BYTES * len(shape)
            if len(self._shapes) < REMEMBERED_SHAPES:
                self._shapes[shape] = shape
        self._memory_left -= memory
        if self._memory_left < 0:
            reason = f"the names and shapes of tensors take more than {self._limits.text_bytes:,} bytes"
            raise self._reject(offset, reason)
        self._held.append(StoredTensor(name, data_type, shared, stored_bytes))
        self._entries.append(offset)

    def entry(self, index: int) -> int:
        """Where the header lists the tensor with this index."""
        return self._entries[index]

    def stored_bytes(self) -> int:
        """All of them together, as far as their sizes are known."""
        return sum(tensor.stored_bytes or 0 for tensor in self._held)

    def by_name(self) -> list[StoredTensor]:
        """All of them sorted. Equal names are neighbours then; a set of all names would cost more than the tensors."""
        ordered = sorted(self._held, key=attrgetter("name"))
        for left, right in pairwise(ordered):
            if left.name == right.name:
                index = max(index for index, tensor in enumerate(self._held) if tensor.name == right.name)
                raise self._reject(self._entries[index], "two tensors have the same name")
        return ordered
