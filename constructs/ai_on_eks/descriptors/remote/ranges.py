"""A file on a server as a source: pieces are asked for as the reader comes to them, and kept for a while.

    first request    FIRST_BYTES, or what the reader wants if that is more
    read on          twice the piece before, so that a header of n bytes takes about log n requests; at most MOST_BYTES
    read elsewhere   FIRST_BYTES again: a reader that jumps over tensor data wants no more there
    near the end     of the file, or of what lies before a piece that is kept: FIRST_BYTES that end there, since tables
                     and archives are read from their ends

Whatever is in a piece that is kept is not asked for again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from msgspec import Struct, field

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.places import Source
from ai_on_eks.descriptors.remote.transport import AGAIN_FIX, Piece

FIRST_BYTES = 64 * 2**10
MOST_BYTES = 2 * 2**20
KEPT_PIECES = 8
"""A table is walked between its index and its blocks, an archive between its end and its directory."""

KEPT_SOURCES = 4
"""Files whose pieces stay in memory."""

Fetch = Callable[[int, int], Piece | None]
"""(start, end) -> those bytes, or None where the file is gone."""


class BytesSource(Struct, frozen=True):
    """A file that was transferred as a whole."""

    name: str
    data: bytes

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self.data[offset : offset + length]


class RangeSource:
    """Reads a file of `size_bytes` by `fetch`."""

    __slots__ = ("_etag", "_fetch", "_pieces", "name", "size_bytes")

    def __init__(self, name: str, size_bytes: int, fetch: Fetch, first: Piece | None = None) -> None:
        self.name = name
        self.size_bytes = size_bytes
        self._fetch = fetch
        self._etag = None if first is None else first.etag
        self._pieces: list[Piece] = [] if first is None or not first.data else [first]

    def read_at(self, offset: int, length: int) -> bytes:
        end = offset + length
        parts: list[bytes] = []
        while offset < end:
            piece = self._piece_at(offset) or self._ask(offset, end)
            part = piece.data[offset - piece.start : end - piece.start]
            parts.append(part)
            offset += len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _piece_at(self, offset: int) -> Piece | None:
        for piece in self._pieces:
            if piece.start <= offset < piece.start + len(piece.data):
                return piece
        return None

    def _ask(self, start: int, wanted_end: int) -> Piece:
        ahead = FIRST_BYTES
        floor, end = 0, self.size_bytes
        for piece in self._pieces:
            piece_end = piece.start + len(piece.data)
            if piece_end == start:
                ahead = min(2 * len(piece.data), MOST_BYTES)
            if piece_end <= start:
                floor = max(floor, piece_end)
            else:
                end = min(end, piece.start)
        end = min(end, max(start + ahead, min(wanted_end, start + MOST_BYTES)))
        start = min(start, max(floor, end - FIRST_BYTES))
        fresh = self._checked(self._fetch(start, end), end)
        self._pieces = [fresh, *self._pieces[: KEPT_PIECES - 1]]
        return fresh

    def _checked(self, piece: Piece | None, end: int) -> Piece:
        """The same file as before: its size and its ETag have to stay."""
        if piece is None:
            raise refuse("remote-changed", "is gone since it was first asked for", self.name, fix=AGAIN_FIX)
        if self._etag is None:
            self._etag = piece.etag
        if piece.total_bytes != self.size_bytes or piece.etag != self._etag or piece.start + len(piece.data) != end:
            message = f"became another file while it was read: {self.size_bytes:,} bytes, then {piece.total_bytes:,}"
            raise refuse("remote-changed", message, self.name, fix=AGAIN_FIX)
        return piece


class RecentSources(Struct, frozen=True):
    """The files asked for last, so that what is opened twice is not transferred twice."""

    _sources: OrderedDict[str, Source] = field(default_factory=OrderedDict)

    def get(self, path: str, make: Callable[[str], Source | None]) -> Source | None:
        """What `make` gives for `path`; None is not remembered."""
        source = self._sources.pop(path, None) or make(path)
        if source is not None:
            self._sources[path] = source
        if len(self._sources) > KEPT_SOURCES:
            self._sources.popitem(last=False)
        return source
