"""The central directory of a zip archive: names, sizes and places, without opening an entry.

    end record   22 bytes and a comment, at the very end; with zip64 a locator and a larger record stand before it
    directory    one record of 46 bytes, a name and extra data for each entry, right before the end records
    entries      before the directory, one after the other, none inside another

Nothing is extracted, so a name can harm nobody here; it is still refused when it would harm whoever extracts it.
Source: PKWARE, APPNOTE.TXT 6.3.10, sections 4.3 to 4.5.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

from msgspec import Struct

from ai_on_eks.descriptors.places import Source
from ai_on_eks.descriptors.readers.limits import Limits, malformed
from ai_on_eks.descriptors.readers.metadata import text_bytes
from ai_on_eks.descriptors.readers.window import Window

STORED, DEFLATED = 0, 8
MAX_NAME_BYTES = 4_096
MAX_ENTRIES = 16_384
"""Every storage is one. The most divided published files of this format, of mixtures of experts, have some 3,000."""

MAX_RATIO = 1_032
"""Deflate stores at most 258 bytes in 2 bits, plus a header: a higher ratio is a lie."""

_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL_BYTES = 30
_MAX_COMMENT = 2**16 - 1
_ENCRYPTED = 0x1
_IN_EXTRA = 2**32 - 1
"""A size of 32 bits with this value stands in the zip64 extra data."""


class Entry(Struct, frozen=True):
    """method  how it is compressed: stored or deflated"""

    name: str
    method: int
    size_bytes: int
    compressed_bytes: int
    offset: int


class _Directory(Struct, frozen=True):
    offset: int
    end: int
    entries: int


def read_entries(source: Source, limits: Limits) -> list[Entry]:
    """All entries in the order of their places in the file."""
    directory = _find_directory(source)
    most = min(limits.tensors, MAX_ENTRIES)
    if directory.entries > most:
        raise malformed(source.name, directory.offset, f"more than {most:,} entries")
    if directory.entries * _ENTRY.size > directory.end - directory.offset:
        reason = f"the directory is too short for its {directory.entries:,} entries"
        raise malformed(source.name, directory.offset, reason)
    entries = sorted(_entries(Window(source), directory, limits.text_bytes), key=lambda entry: entry.offset)
    for before, after in pairwise(entries):
        if _end(before) > after.offset:
            raise malformed(source.name, after.offset, "an entry lies inside another")
    if entries and _end(entries[-1]) > directory.offset:
        raise malformed(source.name, entries[-1].offset, "an entry reaches into the directory")
    if len({entry.name for entry in entries}) != len(entries):
        raise malformed(source.name, directory.offset, "two entries have one name")
    return entries


def _find_directory(source: Source) -> _Directory:
    """From the last end record whose comment reaches exactly to the end of the file."""
    if source.size_bytes < _END.size:
        raise malformed(source.name, 0, "the file is too short for a zip archive")
    tail_at = max(0, source.size_bytes - _END.size - _MAX_COMMENT)
    tail = source.read_at(tail_at, source.size_bytes - tail_at)
    found = len(tail) - _END.size
    while found >= 0:
        found = tail.rfind(b"PK\x05\x06", 0, found + 4)
        if found >= 0:
            comment = int.from_bytes(tail[found + 20 : found + 22], "little")
            if found + _END.size + comment == len(tail):
                return _directory(source, tail_at + found, tail[found : found + _END.size])
            found -= 1
    raise malformed(source.name, tail_at, "no end of a zip directory: the archive is cut short or none")


def _directory(source: Source, at: int, record: bytes) -> _Directory:
    _, disk, first_disk, here, entries, size, offset, _ = _END.unpack(record)
    end = at
    locator_at = at - _LOCATOR.size
    if locator_at >= 0:
        signature, locator_disk, end64_at, disks = _LOCATOR.unpack(source.read_at(locator_at, _LOCATOR.size))
        if signature == b"PK\x06\x07":
            if locator_disk or disks > 1:
                raise malformed(source.name, locator_at, "the archive is split over several disks")
            if end64_at > locator_at - _END64.size:
                raise malformed(source.name, locator_at, "the zip64 record lies outside the file")
            record64 = _END64.unpack(source.read_at(end64_at, _END64.size))
            signature, record_size, _, _, disk, first_disk, here, entries, size, offset = record64
            if signature != b"PK\x06\x06" or end64_at + 12 + record_size != locator_at:
                raise malformed(source.name, end64_at, "no zip64 record where the locator points")
            end = end64_at
    if disk or first_disk or here != entries:
        raise malformed(source.name, at, "the archive is split over several disks")
    if offset + size != end:
        raise malformed(source.name, at, f"the directory ends at {offset + size:,}; expected is {end:,}")
    return _Directory(offset, end, entries)


def _entries(window: Window, directory: _Directory, names_left: int) -> Iterator[Entry]:
    at = directory.offset
    for _ in range(directory.entries):
        if at + _ENTRY.size > directory.end:
            raise malformed(window.name, at, "the directory ends inside an entry")
        head = _ENTRY.unpack(_bytes(window, at, _ENTRY.size))
        signature, _, _, flags, method, _, _, _, compressed, size, name_length, extra_length, comment, disk = head[:14]
        offset = head[16]
        if signature != b"PK\x01\x02":
            raise malformed(window.name, at, "no entry of a directory where one is expected")
        if at + _ENTRY.size + name_length + extra_length + comment > directory.end:
            raise malformed(window.name, at, "a name is longer than the directory")
        if name_length > MAX_NAME_BYTES:
            raise malformed(window.name, at, f"a name has {name_length:,} bytes; at most {MAX_NAME_BYTES:,} are read")
        if disk:
            raise malformed(window.name, at, "an entry lies on another disk")
        name_at = at + _ENTRY.size
        name = _name(window, name_at, name_length)
        names_left -= text_bytes(name)
        if names_left < 0:
            raise malformed(window.name, at, "names are too long together")
        extra = _bytes(window, name_at + name_length, extra_length)
        size, compressed, offset = _wide(window, at, extra, (size, compressed, offset))
        entry = Entry(name, method, size, compressed, offset)
        reason = _fault(entry, flags, directory)
        if reason is not None:
            raise malformed(window.name, at, reason)
        yield entry
        at = name_at + name_length + extra_length + comment
    if at != directory.end:
        raise malformed(window.name, at, "the directory is longer than its entries")


def _fault(entry: Entry, flags: int, directory: _Directory) -> str | None:
    """What is wrong with the sizes of an entry."""
    if flags & _ENCRYPTED:
        return "an entry is encrypted"
    if entry.method not in {STORED, DEFLATED}:
        return f"compression {entry.method} is neither 'stored' nor 'deflated'"
    if _end(entry) > directory.offset:
        return f"an entry ends at {_end(entry):,}; the directory begins at {directory.offset:,}"
    if entry.method == STORED and entry.size_bytes != entry.compressed_bytes:
        return f"a stored entry has {entry.compressed_bytes:,} bytes and says {entry.size_bytes:,}"
    if entry.size_bytes > MAX_RATIO * entry.compressed_bytes:
        return "an entry says it unpacks to more than its bytes can hold"
    return None


def _wide(window: Window, at: int, extra: bytes, sizes: tuple[int, int, int]) -> tuple[int, int, int]:
    """Sizes and offset of 64 bits, which stand in the extra data in this order, each only where it is needed."""
    if _IN_EXTRA not in sizes:
        return sizes
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        position += 4
        if kind == 1 and position + length <= len(extra):
            wide = [value for (value,) in struct.iter_unpack("<Q", extra[position : position + length // 8 * 8])]
            if len(wide) >= sizes.count(_IN_EXTRA):
                found = iter(wide)
                size, compressed, offset = (next(found) if value == _IN_EXTRA else value for value in sizes)
                return size, compressed, offset
        position += length
    raise malformed(window.name, at, "a zip64 entry without its sizes")


def _name(window: Window, at: int, length: int) -> str:
    reason = None
    try:
        name = _bytes(window, at, length).decode("utf-8")
    except UnicodeDecodeError:
        raise malformed(window.name, at, "the name of an entry is not UTF-8") from None
    if not name or "\0" in name or "\\" in name:
        reason = "the name of an entry is empty or has a character that no plain path has"
    elif name.startswith("/") or name[1:2] == ":":
        reason = "the name of an entry is an absolute path"
    elif ".." in name.split("/"):
        reason = "the name of an entry leads out of the archive"
    if reason is not None:
        raise malformed(window.name, at, reason)
    return name


def _bytes(window: Window, at: int, length: int) -> bytes:
    """Bytes inside the directory; the window follows, so that reads stay large."""
    if length and not (window.start <= at and at + length <= window.stop):
        window.load(at)
    return window.bytes_at(at, at + length)


def _end(entry: Entry) -> int:
    """The least end: the local record repeats the name, and may have extra data of its own."""
    return entry.offset + _LOCAL_BYTES + len(entry.name.encode()) + entry.compressed_bytes
