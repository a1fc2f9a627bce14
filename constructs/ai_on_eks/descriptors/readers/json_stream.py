"""JSON read piece by piece, for headers whose shape is known: objects of text, whole numbers and lists of those.

Nothing recurses and nothing is built that the caller did not ask for, so nesting cannot exhaust the stack, and a header
of 32 MiB needs a buffer of half a megabyte. What the grammar of the header has no place for is an error at its byte.
"""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterator

from ai_on_eks.descriptors.places import Source
from ai_on_eks.descriptors.readers.limits import malformed
from ai_on_eks.errors import InputError

CHUNK_BYTES = 512 * 2**10
"""Read at once."""

TOKEN_BYTES = 128 * 2**10
"""The longest token with the white space before it, other than a value that is read by `long_text`. While so many bytes
lie ahead a token that does not match never will, so each piece of the header is copied once and not once per token."""

KEY_BYTES = 2**16 - 1
"""Of a name or key as written. The longest published tensor names have below 300."""

SPACE = rb"[ \t\r\n]*+"
_PIECE = rb'(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'
_TEXT = re.compile(SPACE + rb'"(' + _PIECE + rb')"')
_QUOTE = re.compile(SPACE + rb'"')
_BODY = re.compile(_PIECE)
_WHOLE = re.compile(SPACE + rb"(0|[1-9][0-9]{0,18}+)(?![0-9.eE])")
_MARKS = {mark: re.compile(SPACE + re.escape(mark)) for mark in (b"{", b"}", b"[", b"]", b":", b",")}
_TOKEN = re.compile(SPACE + rb'(?:"' + _PIECE + rb'"|[^\s"\[\]{},:]++|[\[\]{},:])')
_END = re.compile(SPACE + rb"\Z")


class JsonStream:
    """The JSON text in bytes [begin, end) of a source."""

    __slots__ = ("_base", "_end", "_source", "at", "buffer")

    def __init__(self, source: Source, begin: int, end: int) -> None:
        self._source = source
        self._base = begin
        self._end = end
        self.buffer = b""
        self.at = 0

    @property
    def offset(self) -> int:
        return self._base + self.at

    def error(self, reason: str, offset: int | None = None) -> InputError:
        return malformed(self._source.name, self.offset if offset is None else offset, reason)

    def expect(self, mark: bytes, reason: str) -> None:
        if not self.accept(mark):
            raise self._unexpected(reason)

    def accept(self, mark: bytes) -> bool:
        """Step over `mark` if it comes next."""
        return self.match(_MARKS[mark]) is not None

    def match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """Step over what `pattern` matches here. A match that ends with the buffer might have gone on."""
        found = pattern.match(self.buffer, self.at)
        open_end = len(self.buffer) - self.at < TOKEN_BYTES if found is None else found.end() == len(self.buffer)
        if open_end and self._refill():
            found = pattern.match(self.buffer, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def members(self, reason: str) -> Iterator[str]:
        """The keys of an object; the caller reads each value before it asks for the next key."""
        self.expect(b"{", reason)
        if self.accept(b"}"):
            return
        while True:
            yield self.key()
            if self.accept(b"}"):
                return
            self.expect(b",", "a comma or a closing brace is missing")

    def key(self) -> str:
        """A key and the colon after it."""
        text = self.text("a key in quotes is missing")
        self.expect(b":", "a colon is missing after a key")
        return text

    def text(self, reason: str) -> str:
        """Text of at most `KEY_BYTES` bytes as written."""
        found = self.match(_TEXT)
        if found is None:
            if self.match(_QUOTE) is None:
                raise self._unexpected(reason)
            body = _BODY.match(self.buffer, self.at)
            self.at += 0 if body is None else len(body[0])
            if body is not None and len(body[0]) > KEY_BYTES:
                raise self._too_long(self.offset - len(body[0]))
            raise self._unexpected("a text has a byte that has to be escaped, or an escape that does not exist")
        if len(found[1]) > KEY_BYTES:
            raise self._too_long(self._base + found.start(1))
        return self.decode(found[1], self._base + found.start(1))

    def long_text(self, kept_bytes: int, longest: int, reason: str) -> tuple[str | None, int]:
        """Text and its length in bytes as written; None instead of a text above `kept_bytes`."""
        if self.match(_QUOTE) is None:
            raise self._unexpected(reason)
        began = self.offset
        kept = b""
        check = getincrementaldecoder("utf-8")()
        fresh = False
        while True:
            body = _BODY.match(self.buffer, self.at)
            piece = b"" if body is None else body[0]
            length = self.offset + len(piece) - began
            if length > longest:
                raise self.error(f"a text is longer than {longest:,} bytes", began)
            self.at += len(piece)
            closed = self.buffer[self.at : self.at + 1] == b'"'
            try:
                check.decode(piece, closed)
            except UnicodeDecodeError:
                raise self.error("a text is not UTF-8", self.offset - len(piece)) from None
            if length <= kept_bytes:
                kept += piece
            if closed:
                self.at += 1
                return (self.decode(kept, began) if length <= kept_bytes else None), length
            if (fresh and not piece) or not self._refill():
                raise self._unexpected("a text has a byte that has to be escaped, or an escape that does not exist")
            fresh = True

    def decode(self, raw: bytes, offset: int) -> str:
        """The characters of a text as written."""
        try:
            text = self.decode_raw(raw, offset)
            if "\\" in text:
                text = json.loads(f'"{text}"')
                text.encode()
        except UnicodeEncodeError:
            raise self.error("an escape stands for half a character", offset) from None
        return text

    def decode_raw(self, raw: bytes, offset: int) -> str:
        try:
            return str(raw, "utf-8")
        except UnicodeDecodeError as error:
            raise self.error("a text is not UTF-8", offset + error.start) from None

    def whole_numbers(self, most: int, what: str) -> tuple[int, ...]:
        """A list of whole numbers below 2**63."""
        self.expect(b"[", f"{what} is not a list")
        numbers: list[int] = []
        if self.accept(b"]"):
            return ()
        while True:
            numbers.append(self.whole_number(f"{what} has something that is not a whole number below 2**63"))
            if len(numbers) > most:
                raise self.error(f"{what} has more than {most} numbers")
            if self.accept(b"]"):
                return tuple(numbers)
            self.expect(b",", f"a comma or a closing bracket is missing in {what}")

    def whole_number(self, reason: str) -> int:
        found = self.match(_WHOLE)
        if found is None or (number := int(found[1])) >= 2**63:
            raise self._unexpected(reason)
        return number

    def raw_value(self, longest: int) -> bytes:
        """The bytes of whatever value comes next, for a parser to judge; only its end is looked for."""
        began = self.offset
        pieces: list[bytes] = []
        left = longest
        depth = 0
        while not pieces or depth > 0:
            found = self.match(_TOKEN)
            if found is None:
                raise self._unexpected("a value is not JSON")
            pieces.append(found[0])
            left -= len(found[0])
            if left < 0:
                raise self.error(f"a value is longer than {longest:,} bytes", began)
            mark = found[0][-1:]
            depth += (mark in b"[{") - (mark in b"]}")
        return b"".join(pieces)

    def finish(self) -> None:
        """Nothing but white space may follow."""
        while self.match(_END) is not None:
            if self.offset == self._end:
                return
        raise self.error("something follows the closing brace")

    def _refill(self) -> bool:
        """Begin the buffer here; whether that brought anything new."""
        known = self._base + len(self.buffer)
        if known >= self._end or (not self.at and len(self.buffer) >= CHUNK_BYTES):
            return False
        self._base, rest = self.offset, self.buffer[self.at :]
        self.at = 0
        self.buffer = rest + self._source.read_at(known, min(CHUNK_BYTES - len(rest), self._end - known))
        return True

    def _too_long(self, offset: int) -> InputError:
        return self.error(f"a name is longer than {KEY_BYTES:,} bytes", offset)

    def _unexpected(self, reason: str) -> InputError:
        """`reason`, or that the text ends here."""
        if self.match(_END) is not None and self.offset == self._end:
            return self.error("the text ends in the middle")
        return self.error(reason)
