"""A small window over a source, for walking back and forth through a large file.

A position is decoded straight from `data`; what is stepped over is never read.
"""

from __future__ import annotations

from ai_on_eks.descriptors.places import Source

WINDOW_BYTES = 32 * 2**10
"""Bytes read at once. Headers are dense and tensor data is jumped over, so a larger window reads what nobody needs."""

PADDING_BYTES = 24
"""Zeros after the last byte, so that a decoder may look ahead before it checks: a tag and a varint, 10 bytes each."""


class Window:
    """`data[i]` is byte `start + i`; positions in `start <= p < stop` may be decoded from `data`."""

    __slots__ = ("data", "name", "size", "source", "start", "stop")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.name = source.name
        self.size = source.size_bytes
        self.data = b""
        self.start = 0
        self.stop = 0

    def load(self, offset: int) -> None:
        """Moves the window so that it begins at `offset`, which lies inside the file."""
        wanted = min(WINDOW_BYTES, self.size - offset)
        self.data = self.source.read_at(offset, wanted) + bytes(PADDING_BYTES)
        self.start = offset
        at_end = offset + wanted == self.size
        self.stop = self.size if at_end else offset + wanted - PADDING_BYTES

    def bytes_at(self, start: int, end: int) -> bytes:
        """A copy of a part that the caller has bounded and that lies inside the file."""
        first = start - self.start
        if first >= 0 and end <= self.start + len(self.data) - PADDING_BYTES:
            return self.data[first : end - self.start]
        return self.source.read_at(start, end - start) if end > start else b""
