"""A position in the binary header of a file; no step is taken that the bytes do not allow."""

from __future__ import annotations

import struct
from typing import Any

from ai_on_eks.descriptors.places import Source
from ai_on_eks.descriptors.readers.limits import malformed
from ai_on_eks.errors import InputError

CHUNK_BYTES = 256 * 2**10
"""Read at once. A header of 10 MB costs 40 reads."""


class Cursor:
    """Reads forward from `offset`. Only a chunk is in memory; what is skipped is not read.

    end = min(bytes of the file, bytes of a header)
    """

    __slots__ = ("_at", "_base", "_buffer", "_end", "_source")

    def __init__(self, source: Source, header_bytes: int) -> None:
        self._source = source
        self._end = min(source.size_bytes, header_bytes)
        self._base = 0
        self._at = 0
        self._buffer = b""

    @property
    def offset(self) -> int:
        return self._base + self._at

    @property
    def remaining(self) -> int:
        return self._end - self.offset

    def error(self, reason: str, offset: int | None = None) -> InputError:
        return malformed(self._source.name, self.offset if offset is None else offset, reason)

    def raw(self, length: int, what: str) -> bytes:
        """The next `length` bytes; the caller has compared them with a limit of its own."""
        self._fill(length, what)
        start = self._at
        self._at = start + length
        return self._buffer[start : self._at]

    def unpack(self, form: struct.Struct, what: str) -> tuple[Any, ...]:
        if self._at + form.size > len(self._buffer):
            self._fill(form.size, what)
        start = self._at
        self._at = start + form.size
        return form.unpack_from(self._buffer, start)

    def skip(self, length: int, what: str) -> None:
        self._require(length, what)
        self._at += length
        if self._at > len(self._buffer):
            self._base, self._at, self._buffer = self.offset, 0, b""

    def skip_strings(self, count: int, length_form: struct.Struct, what: str) -> None:
        """Step over `count` strings, each a 64-bit length and as many bytes, without building one."""
        began = self.offset
        self._require(count * length_form.size, what)
        unpack_from = length_form.unpack_from
        while count:
            buffer, at, left = self._buffer, self._at, count
            try:
                for left in range(count, 0, -1):  # noqa: B007 - what is left when the chunk ends
                    at += 8 + unpack_from(buffer, at)[0]
                left = 0
            except (struct.error, OverflowError):  # the next length is behind the chunk, or behind every file
                pass
            offset = self._base + at
            if offset + left * length_form.size > self._end:
                raise self.error(f"{what} has a string that ends outside the {self._place()}", began)
            count = left
            if at <= len(buffer):
                self._at = at
            else:
                self._base, self._at, self._buffer = offset, 0, b""
            if count:
                self._fill(length_form.size, what)

    def _fill(self, length: int, what: str) -> None:
        """Make the next `length` bytes lie in the buffer."""
        if self._at + length <= len(self._buffer):
            return
        self._require(length, what)
        self._base, self._at = self.offset, 0
        size = min(max(length, CHUNK_BYTES), self._end - self._base)
        self._buffer = self._source.read_at(self._base, size)

    def _require(self, length: int, what: str) -> None:
        if length > self.remaining:
            place = self._place()
            raise self.error(f"{what} needs {length:,} bytes; the {place} has {max(self.remaining, 0):,} left")

    def _place(self) -> str:
        return "file" if self._end == self._source.size_bytes else "part of the file that is read"
