"""The sorted table that `variables.index` is: keys and values in blocks, found through a block of blocks.

    footer   48 bytes: handles of the metaindex and the index block, zeros, magic number
    handle   varint offset, varint bytes
    block    entries; offsets of restarts, 4 bytes each; their number, 4 bytes
    trailer  behind each block: 1 byte compression, 4 bytes checksum
    entry    varints shared, own, value; own bytes of the key; value. key = shared bytes of the key before + own bytes

Keys rise strictly and blocks follow one another, so that no byte is walked twice whatever the handles say.
Checksums are of the blocks' bytes and are left to whoever loads them. Source: LevelDB, doc/table_format.md.
"""

from __future__ import annotations

from collections.abc import Iterator

from ai_on_eks.descriptors.readers.protobuf_wire import MAX_NAME_BYTES, Wire

FOOTER_BYTES = 48
TRAILER_BYTES = 5
MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_COMPRESSION = {0: "none", 1: "snappy", 2: "zstd"}

Row = tuple[bytes, int, int]
"""Key, start and end of the value."""

_Handle = tuple[int, int]
"""Start and end of a block."""


def read_rows(wire: Wire) -> Iterator[Row]:
    """All rows in the order of their keys."""
    size = wire.file.size
    if size < FOOTER_BYTES:
        raise wire.reject(0, f"the table is too short for its footer of {FOOTER_BYTES} bytes")
    footer = size - FOOTER_BYTES
    if wire.file.source.read_at(size - len(MAGIC), len(MAGIC)) != MAGIC:
        raise wire.reject(size - len(MAGIC), "the table does not end with its magic number")
    _, at = _handle(wire, footer, size, footer)
    index, _ = _handle(wire, at, size, footer)
    before = b""
    first = True
    walked_to = 0
    for _, start, end in _rows(wire, _block(wire, index)):
        handle, _ = _handle(wire, start, end, footer)
        if handle[0] < walked_to:
            raise wire.reject(start, "a block lies before or inside the block before it")
        walked_to = handle[1]
        for row in _rows(wire, _block(wire, handle)):
            if row[0] <= before and not first:
                raise wire.reject(row[1], "the keys of the table do not rise")
            before, first = row[0], False
            yield row


def _handle(wire: Wire, at: int, end: int, footer: int) -> tuple[_Handle, int]:
    """Start and end of a block, trailer excluded, and the offset after the handle."""
    handle_at = at
    offset, at = wire.varint(at, end)
    length, at = wire.varint(at, end)
    if offset + length + TRAILER_BYTES > footer:
        raise wire.reject(
            handle_at, f"a block ends at {offset + length + TRAILER_BYTES:,}; the footer is at {footer:,}"
        )
    return (offset, offset + length), at


def _block(wire: Wire, handle: _Handle) -> _Handle:
    """Start and end of the entries of a block."""
    start, end = handle
    compression = wire.file.bytes_at(end, end + 1)[0]
    if compression:
        name = _COMPRESSION.get(compression, str(compression))
        raise wire.reject(end, f"a block is compressed ({name}); TensorFlow writes and this reads plain blocks")
    if end - start < 4:
        raise wire.reject(start, "a block is too short for its number of restarts")
    restarts = int.from_bytes(wire.file.bytes_at(end - 4, end), "little")
    if not 0 < restarts <= (end - start - 4) // 4:
        raise wire.reject(end - 4, f"a block of {end - start:,} bytes says it has {restarts:,} restarts")
    return start, end - 4 - 4 * restarts


def _rows(wire: Wire, entries: _Handle) -> Iterator[Row]:
    at, end = entries
    key = b""
    while at < end:
        entry_at = at
        wire.count(at)
        shared, at = wire.varint(at, end)
        own, at = wire.varint(at, end)
        value, at = wire.varint(at, end)
        if shared > len(key):
            raise wire.reject(entry_at, "a key shares more bytes than the key before it has")
        if own + value > end - at:
            raise wire.reject(entry_at, f"an entry has {own + value:,} bytes; {end - at:,} remain in its block")
        if shared + own > MAX_NAME_BYTES:
            raise wire.reject(entry_at, f"a key has {shared + own:,} bytes; at most {MAX_NAME_BYTES:,} are read")
        key = key[:shared] + wire.file.bytes_at(at, at + own)
        at += own + value
        yield key, at - value, at


def key_text(wire: Wire, row: Row) -> str:
    """The key as text."""
    try:
        return row[0].decode("utf-8")
    except UnicodeDecodeError:
        raise wire.reject(row[1], "the name of a variable is not UTF-8") from None
