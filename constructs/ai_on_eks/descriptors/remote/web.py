"""Files below one https address. Nothing lists them: what a header names beside the first file is asked for by name."""

from __future__ import annotations

from functools import partial
from urllib.parse import quote

from msgspec import Struct, field

from ai_on_eks.descriptors.document import refuse, too_large
from ai_on_eks.descriptors.places import Origin, Source
from ai_on_eks.descriptors.remote.ranges import FIRST_BYTES, RangeSource, RecentSources
from ai_on_eks.descriptors.remote.transport import Piece, Transport


class WebFiles(Struct, frozen=True):
    """What lies below `folder`, an address without a slash at its end. Asked without any token."""

    folder: str
    transport: Transport
    _recent: RecentSources = field(default_factory=RecentSources)

    def shown(self, path: str) -> str:
        return f"{self.folder}/{path}" if path else self.folder

    def origin(self, folder: str) -> Origin:
        address = self.shown(folder)
        return Origin(address.rpartition("/")[2], address, listed=False)

    def size_bytes(self, path: str) -> int | None:
        source = self._source(path)
        return None if source is None else source.size_bytes

    def is_folder(self, path: str) -> bool:
        return not path

    def names(self, folder: str) -> list[str]:
        message = "is an address, whose files cannot be listed"
        raise refuse("source-not-supported", message, self.shown(folder), fix="name a weight file")

    def open(self, path: str) -> Source:
        source = self._source(path)
        if source is None:
            raise refuse("file-not-found", "there is no such file", self.shown(path), fix="check the path")
        return source

    def read_bytes(self, path: str, limit_bytes: int) -> bytes:
        source = self.open(path)
        if source.size_bytes > limit_bytes:
            raise too_large(self.shown(path), source.size_bytes, limit_bytes)
        return source.read_at(0, source.size_bytes)

    def _source(self, path: str) -> Source | None:
        return self._recent.get(path, self._opened)

    def _opened(self, path: str) -> Source | None:
        """The first piece tells the size."""
        first = self._piece(path, 0, FIRST_BYTES)
        if first is None:
            return None
        return RangeSource(self.shown(path), first.total_bytes, partial(self._piece, path), first)

    def _piece(self, path: str, start: int, end: int) -> Piece | None:
        return self.transport.piece(f"{self.folder}/{quote(path)}", self.shown(path), start, end, None)
