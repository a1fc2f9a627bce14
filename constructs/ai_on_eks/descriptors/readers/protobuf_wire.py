"""The protobuf wire format, walked without building a message.

    field      tag varint, then a value by the tag's wire type
    tag        field number × 8 + wire type
    varint     little-endian groups of 7 bits, at most 10 bytes and 64 bits
    nested     a length, then that many bytes; a length beyond its surroundings is refused before anything is read

A tensor's bytes are one field: stepped over, never read. Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from re import Pattern

from ai_on_eks.descriptors.readers.limits import Limits, malformed
from ai_on_eks.descriptors.readers.metadata import text_bytes
from ai_on_eks.descriptors.readers.window import Window
from ai_on_eks.errors import InputError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types. 3 and 4 open and close groups, which no model format uses; 6 and 7 are not assigned."""

MAX_FIELDS = 1_000_000
"""Fields looked at in one file, and values of packed ones: five for each of 200,000 tensors. What is stepped over does
not count."""

CHEAP_VARINT_BYTES = 5
"""A longer number counts as further fields: decoding it takes as long. Numbers below 32 Gi are not longer."""

MAX_NAME_BYTES = 4_096
"""Bytes of one name of a tensor, an input or a key."""

SEARCHED_BYTES = 4_096
"""Longest message that is searched for a marker instead of being walked. Less than a window."""

Field = tuple[int, int, int, int]
"""Number, wire type, then (value, offset) of a varint or (start, end) of everything else."""

_ANY: Mapping[int, int] = {}


class Wire:
    """Walks messages of one file and keeps count of what that costs."""

    __slots__ = ("_fields_left", "_text_left", "file", "limits")

    def __init__(self, file: Window, limits: Limits) -> None:
        self.file = file
        self.limits = limits
        self._fields_left = MAX_FIELDS
        self._text_left = limits.text_bytes

    def reject(self, offset: int, reason: str) -> InputError:
        """The error for something at `offset`."""
        return malformed(self.file.name, offset, reason)

    def fields(  # noqa: C901, PLR0912 - one loop: a call for each field would double its time
        self, start: int, end: int, depth: int, kinds: Mapping[int, int] = _ANY
    ) -> Iterator[Field]:
        """The fields of the message in `start <= offset < end`. `kinds` is the wire type that a number must have.

        The caller may walk nested messages between two fields; the window then moves and is moved back here.
        """
        if depth > self.limits.nesting:
            raise self.reject(start, f"messages are nested more than {self.limits.nesting} deep")
        file = self.file
        at = start
        while at < end:
            self._fields_left -= 1
            if self._fields_left < 0:
                raise self.reject(at, f"more than {MAX_FIELDS:,} fields")
            if not file.start <= at < file.stop:
                file.load(at)
            field_at = at
            tag = file.data[at - file.start]
            at += 1
            if tag > 0x7F:
                tag, at = self._varint(at - 1, end)
            number, kind = tag >> 3, tag & 7
            if not 0 < number < 2**29:
                raise self.reject(field_at, f"field number {number} is out of range")
            if kinds.get(number, kind) != kind:
                raise self.reject(field_at, f"field {number} has wire type {kind}; expected is {kinds[number]}")
            if kind in {VARINT, BYTES}:
                if at >= end:
                    raise self.reject(field_at, "the message ends inside a field")
                value = file.data[at - file.start]
                value_at = at
                at += 1
                if value > 0x7F:
                    value, at = self._varint(at - 1, end)
                if kind == VARINT:
                    yield number, VARINT, value, value_at
                    continue
                length = value
            elif kind == FIXED64:
                length = 8
            elif kind == FIXED32:
                length = 4
            else:
                what = "opens or closes a group" if kind in {3, 4} else f"has the unassigned wire type {kind}"
                raise self.reject(field_at, f"field {number} {what}")
            if length > end - at:
                raise self.reject(field_at, f"field {number} has {length:,} bytes; {end - at:,} remain")
            value_at, at = at, at + length
            yield number, kind, value_at, at

    def count(self, at: int) -> None:
        """Notes a step that is no field of a message but costs as much."""
        self._spend(at, 1)

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """One varint outside a message, and the offset after it."""
        if at >= end:
            raise self.reject(at, "the bytes end before a number")
        if not self.file.start <= at < self.file.stop:
            self.file.load(at)
        return self._varint(at, end)

    def varints(self, start: int, end: int, most: int, what: str) -> list[int]:
        """The values of a packed field; there may be at most `most` of them."""
        values: list[int] = []
        at = start
        while at < end:
            if len(values) >= most:
                raise self.reject(start, f"more than {most} {what}")
            self.count(at)
            value, at = self.varint(at, end)
            values.append(value)
        return values

    def text(self, start: int, end: int, what: str, most: int = MAX_NAME_BYTES) -> str:
        """A string of at most `most` bytes."""
        length = end - start
        most = min(most, self.limits.string_bytes)
        if length > most:
            raise self.reject(start, f"{what} has {length:,} bytes; at most {most:,} are read")
        try:
            text = self.file.bytes_at(start, end).decode("utf-8")
        except UnicodeDecodeError:
            raise self.reject(start, f"{what} is not UTF-8") from None
        self._text_left -= text_bytes(text)
        if self._text_left < 0:
            raise self.reject(start, "names and values are too long together")
        return text

    def may_hold(self, start: int, end: int, marker: Pattern[bytes]) -> bool:
        """Whether `marker` occurs in a message; a long message is not searched and may hold anything.

        Most messages of a large graph hold nothing of interest, and a search costs a tenth of a walk.
        """
        if not 0 < end - start <= SEARCHED_BYTES:
            return end > start
        file = self.file
        if start < file.start or end > file.stop:
            file.load(start)
        return marker.search(file.data, start - file.start, end - file.start) is not None

    def _spend(self, at: int, steps: int) -> None:
        self._fields_left -= steps
        if self._fields_left < 0:
            raise self.reject(at, f"more than {MAX_FIELDS:,} fields")

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        """A varint whose first byte lies in the window, and the offset after it."""
        data, first = self.file.data, at - self.file.start
        value = 0
        for index in range(10):
            byte = data[first + index]
            value |= (byte & 0x7F) << 7 * index
            if byte < 0x80:
                if at + index >= end:
                    break
                if value >= 2**64:
                    raise self.reject(at, "a varint has more than 64 bits")
                if index >= CHEAP_VARINT_BYTES:
                    self._spend(at, index - CHEAP_VARINT_BYTES + 1)
                return value, at + index + 1
        else:
            raise self.reject(at, "a varint has more than 10 bytes")
        raise self.reject(at, "the message ends inside a field")


def signed(value: int) -> int:
    """A varint as int32 or int64: negative numbers are stored as 64-bit two's complement."""
    return value - 2**64 if value >= 2**63 else value
