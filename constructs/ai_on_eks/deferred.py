"""Sequences that are computed when somebody looks at them.

A plan rejects a thousand candidates and words an account for each that it keeps, and most of that nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Deferred(Sequence[T]):
    """Items made by `make` on first use, and kept. Equal to any sequence of equal items."""

    __slots__ = ("_items", "_make")
    __hash__ = None  # type: ignore[assignment] # a key would have to compute them

    def __init__(self, make: Callable[[], Sequence[T]]) -> None:
        self._make: Callable[[], Sequence[T]] | None = make
        self._items: tuple[T, ...] = ()

    def _made(self) -> tuple[T, ...]:
        if self._make is not None:
            self._items = tuple(self._make())
            self._make = None  # what it was made from can go
        return self._items

    @overload
    def __getitem__(self, index: int) -> T: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[T, ...]: ...

    def __getitem__(self, index: int | slice) -> T | tuple[T, ...]:
        return self._made()[index]

    def __len__(self) -> int:
        return len(self._made())

    def __iter__(self) -> Iterator[T]:
        return iter(self._made())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._made() == tuple(other)

    def __repr__(self) -> str:
        return repr(self._made())
