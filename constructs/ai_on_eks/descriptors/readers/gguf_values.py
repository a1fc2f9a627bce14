"""The key/value pairs of a GGUF file.

    key      text (length u64, bytes)
    value    type u32, then:  scalar | text | list: member type u32, count u64, members

Source: the GGUF specification of ggml (docs/gguf.md). It allows lists of lists; no published file has them deeper than
two levels, and deeper ones only serve to exhaust a reader's stack.
"""

from __future__ import annotations

import math
from struct import Struct
from typing import Any

from ai_on_eks.descriptors.readers.cursor import Cursor
from ai_on_eks.descriptors.readers.limits import Limits
from ai_on_eks.descriptors.readers.metadata import KEPT_LIST_MEMBERS, KEPT_TEXT_BYTES, Metadata, TooMuchTextError
from ai_on_eks.descriptors.readers.types import MetadataValue, Scalar

NAME_BYTES = 2**16 - 1
"""Of a key, by the specification; the same is allowed for a tensor's name, for which ggml itself has 63."""

LIST_LEVELS = 2

MOST_LISTS = 4_096
"""Lists inside the lists of one file. No published file has any."""

_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_BOOL = 7
_TEXT = 8
_LIST = 9
_UINT32 = 4
_SMALLEST_PAIR_BYTES = 8 + 1 + 4 + 1

ALIGNMENT = "general.alignment"


class Values:
    """Reads pairs at a cursor in one byte order (`<` or `>`)."""

    def __init__(self, cursor: Cursor, order: str, limits: Limits) -> None:
        self._cursor = cursor
        self._limits = limits
        self._order = order
        self._u32 = Struct(order + "I")
        self._u64 = Struct(order + "Q")
        self._list_head = Struct(order + "IQ")
        self._scalars = {number: Struct(order + letter) for number, letter in _SCALARS.items()}
        self._strings_left = limits.strings
        self._lists_left = MOST_LISTS

    def read(self, count: int) -> Metadata:
        cursor = self._cursor
        if count > self._limits.metadata:
            raise cursor.error(f"it declares {count:,} keys; at most {self._limits.metadata:,} are read")
        if count * _SMALLEST_PAIR_BYTES > cursor.remaining:
            raise cursor.error(f"it declares {count:,} keys, more than {cursor.remaining:,} bytes can hold")
        pairs = Metadata(self._limits)
        for _ in range(count):
            began = cursor.offset
            key = self.text(NAME_BYTES, "a key")
            if not key:
                raise cursor.error("a key is empty", began)
            if key in pairs:
                raise cursor.error("a key is given twice", began)
            kind = cursor.unpack(self._u32, "the type of a value")[0]
            if key == ALIGNMENT and kind != _UINT32:
                raise cursor.error("the alignment is not an unsigned 32-bit number", began)
            try:
                self._pair(pairs, key, kind)
            except TooMuchTextError:
                reason = f"keys and values exceed {self._limits.metadata_bytes:,} bytes of text"
                raise cursor.error(reason, began) from None
        return pairs

    def text(self, longest: int, what: str) -> str:
        cursor = self._cursor
        began = cursor.offset
        length = cursor.unpack(self._u64, f"the length of {what}")[0]
        if length > longest:
            raise cursor.error(f"{what} is {length:,} bytes long; at most {longest:,} are read", began)
        try:
            return str(cursor.raw(length, what), "utf-8")
        except UnicodeDecodeError as error:
            raise cursor.error(f"{what} is not UTF-8", began + 8 + error.start) from None

    def _pair(self, pairs: Metadata, key: str, kind: int) -> None:
        if kind == _LIST:
            self._list(pairs, key)
        elif kind == _TEXT:
            self._long_text(pairs, key)
        else:
            pairs.keep(key, self._scalar(kind))

    def _long_text(self, pairs: Metadata, key: str) -> None:
        cursor = self._cursor
        began = cursor.offset
        length = cursor.unpack(self._u64, "the length of a text")[0]
        if length > self._limits.string_bytes:
            reason = f"a text is {length:,} bytes long; at most {self._limits.string_bytes:,} are read"
            raise cursor.error(reason, began)
        if length > KEPT_TEXT_BYTES:
            cursor.skip(length, "a text")
            pairs.leave_out(key, length)
            return
        try:
            pairs.keep(key, str(cursor.raw(length, "a text"), "utf-8"))
        except UnicodeDecodeError as error:
            raise cursor.error("a text is not UTF-8", began + 8 + error.start) from None

    def _scalar(self, kind: int) -> Scalar:
        began = self._cursor.offset
        form = self._scalars.get(kind)
        if form is None:
            raise self._cursor.error(f"there is no value type {kind}", began)
        return self._checked(kind, self._cursor.unpack(form, "a value")[0], began)

    def _checked(self, kind: int, value: Any, offset: int) -> Scalar:
        if kind == _BOOL:
            if value > 1:
                raise self._cursor.error(f"a truth value is {value}, neither 0 nor 1", offset)
            return bool(value)
        if isinstance(value, float) and not math.isfinite(value):
            raise self._cursor.error("a number is not finite", offset)
        result: Scalar = value
        return result

    def _list(self, pairs: Metadata, key: str) -> None:
        kind, count = self._head()
        if kind == _LIST:
            self._lists(count, LIST_LEVELS - 1)
        elif kind == _TEXT:
            self._spend_strings(count)
            if count <= KEPT_LIST_MEMBERS:
                pairs.keep(key, tuple(self.text(KEPT_TEXT_BYTES, "a text of a list") for _ in range(count)))
                return
            self._cursor.skip_strings(count, self._u64, "a list of texts")
        elif count <= KEPT_LIST_MEMBERS:
            pairs.keep(key, self._members(kind, count))
            return
        else:
            self._cursor.skip(count * self._scalars[kind].size, "a list of numbers")
        pairs.leave_out(key, count)

    def _members(self, kind: int, count: int) -> MetadataValue:
        cursor = self._cursor
        began = cursor.offset
        form = Struct(f"{self._order}{count}{_SCALARS[kind]}")
        values = cursor.unpack(form, "a list of numbers")
        size = self._scalars[kind].size
        return tuple(self._checked(kind, value, began + index * size) for index, value in enumerate(values))

    def _lists(self, count: int, levels: int) -> None:
        """Step over `count` lists that are members of a list."""
        if not levels:
            raise self._cursor.error(f"lists are more than {LIST_LEVELS} levels deep")
        if count > self._lists_left:
            raise self._cursor.error(f"a list declares {count:,} lists; at most {MOST_LISTS:,} in all are read")
        self._lists_left -= count
        if count * self._list_head.size > self._cursor.remaining:
            raise self._cursor.error(f"a list declares {count:,} lists, more than the bytes that are left can hold")
        for _ in range(count):
            kind, members = self._head()
            if kind == _LIST:
                self._lists(members, levels - 1)
            elif kind == _TEXT:
                self._spend_strings(members)
                self._cursor.skip_strings(members, self._u64, "a list of texts")
            else:
                self._cursor.skip(members * self._scalars[kind].size, "a list of numbers")

    def _head(self) -> tuple[int, int]:
        began = self._cursor.offset
        kind, count = self._cursor.unpack(self._list_head, "the head of a list")
        if kind not in self._scalars and kind not in {_TEXT, _LIST}:
            raise self._cursor.error(f"there is no member type {kind}", began)
        return kind, count

    def _spend_strings(self, count: int) -> None:
        if count > self._strings_left:
            raise self._cursor.error(f"lists have more than {self._limits.strings:,} texts")
        self._strings_left -= count
