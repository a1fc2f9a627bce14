"""Collecting what a header says beside its tensors, within bounds.

scalar                            kept
text of at most 64 KiB            kept (the longest chat templates have about 30 KB)
list of at most 512 scalars       kept (one value per layer, or a few names)
longer text, longer list          left out, `<key>.length` kept: bytes of the text, members of the list
"""

from __future__ import annotations

from ai_on_eks.descriptors.readers.limits import Limits
from ai_on_eks.descriptors.readers.types import MetadataValue

KEPT_TEXT_BYTES = 64 * 2**10
KEPT_LIST_MEMBERS = 512
LENGTH_SUFFIX = ".length"

VALUE_BYTES = 56
"""Of a number, and of what a text takes beside its characters, with the place in a list."""


def text_bytes(text: str) -> int:
    """Bytes of a string in memory, at most: one character beyond ASCII widens all of them."""
    return len(text) if text.isascii() else 4 * len(text)


class TooMuchTextError(ValueError):
    """More keys and values than a header may have; the reader says where."""


class Metadata:
    """Key/value pairs in the order of the file. A key given twice is refused."""

    __slots__ = ("_lengths", "_text_left", "_values")

    def __init__(self, limits: Limits) -> None:
        self._values: dict[str, MetadataValue] = {}
        self._lengths: dict[str, int] = {}
        self._text_left = limits.metadata_bytes

    def __contains__(self, key: str) -> bool:
        return key in self._values or key in self._lengths

    def get(self, key: str) -> MetadataValue | None:
        return self._values.get(key)

    def keep(self, key: str, value: MetadataValue, written_bytes: int = 0) -> None:
        """A text that is longer as written, by its escapes, counts as written: reading it takes that long."""
        self._spend(key)
        for part in value if isinstance(value, tuple) else (value,):
            self._spend(part if isinstance(part, str) else "", written_bytes)
        self._values[key] = value

    def leave_out(self, key: str, length: int, written_bytes: int = 0) -> None:
        """`written_bytes` of the value that had to be read all the same."""
        self._spend(key)
        self._spend("", written_bytes)
        self._lengths[key] = length

    def finish(self) -> dict[str, MetadataValue]:
        """All of it; a key of the file wins over one that was derived."""
        derived = {f"{key}{LENGTH_SUFFIX}": length for key, length in self._lengths.items()}
        return {**derived, **self._values}

    def _spend(self, text: str, written_bytes: int = 0) -> None:
        self._text_left -= VALUE_BYTES + max(text_bytes(text), written_bytes)
        if self._text_left < 0:
            raise TooMuchTextError
