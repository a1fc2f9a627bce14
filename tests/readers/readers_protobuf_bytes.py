"""Bytes of protobuf messages, and of TensorFlow's files, written by their published formats."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)


def varint(value: int) -> bytes:
    """A number below 2**64; negative ones as 64-bit two's complement."""
    value %= 2**64
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def part(field: int, content: bytes | str) -> bytes:
    """A length-delimited field: text, bytes or a message."""
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def fixed32(field: int, value: int = 0) -> bytes:
    return varint(field << 3 | 5) + struct.pack("<L", value)


# TensorFlow: shapes, tensors, nodes


def tf_shape(sizes: Sequence[int] | None) -> bytes:
    return number(3, 1) if sizes is None else b"".join(part(2, number(1, size)) for size in sizes)


def tf_tensor(data_type: int, sizes: Sequence[int], *values: bytes) -> bytes:
    return number(1, data_type) + part(2, tf_shape(sizes)) + b"".join(values)


def tf_attribute(key: str, value: bytes) -> bytes:
    return part(5, part(1, key) + part(2, value))


def tf_node(name: str, operation: str, *attributes: bytes) -> bytes:
    return part(1, name) + part(2, operation) + b"".join(attributes)


def tf_constant(name: str, tensor: bytes) -> bytes:
    return tf_node(name, "Const", tf_attribute("dtype", number(6, 1)), tf_attribute("value", part(8, tensor)))


def tf_graph(*nodes: bytes, functions: Sequence[bytes] = ()) -> bytes:
    library = part(2, b"".join(part(1, function) for function in functions)) if functions else b""
    return b"".join(part(1, node) for node in nodes) + library + part(4, number(1, 1_286))


def tf_function(name: str, *nodes: bytes) -> bytes:
    return part(1, part(1, name)) + b"".join(part(3, node) for node in nodes)


def tf_port(name: str, data_type: int, sizes: Sequence[int] | None) -> bytes:
    return part(1, name) + part(2, part(1, f"{name}:0") + number(2, data_type) + part(3, tf_shape(sizes)))


def tf_signature(name: str, inputs: Sequence[bytes], outputs: Sequence[bytes]) -> bytes:
    ports = b"".join(part(1, one) for one in inputs) + b"".join(part(2, one) for one in outputs)
    return part(1, name) + part(2, ports + part(3, "tensorflow/serving/predict"))


def tf_meta_graph(graph: bytes, signatures: Sequence[bytes] = (), tags: Sequence[str] = ("serve",)) -> bytes:
    info = b"".join(part(4, tag) for tag in tags) + part(5, "2.21.0")
    return part(1, info) + part(2, graph) + b"".join(part(5, signature) for signature in signatures)


def tf_saved_model(*graphs: bytes) -> bytes:
    return number(1, 1) + b"".join(part(2, graph) for graph in graphs)


# TensorFlow: the table of variables


def tf_entry(data_type: int, sizes: Sequence[int], offset: int, size: int, shard: int = 0) -> bytes:
    place = number(3, shard) + number(4, offset) + number(5, size)
    return number(1, data_type) + part(2, tf_shape(sizes)) + place + fixed32(6)


def table_block(rows: Sequence[tuple[bytes, bytes]], *, share: bool = True) -> bytes:
    """Entries with shared prefixes, one restart at the start, without the trailer."""
    parts: list[bytes] = []
    for (before, _), (key, value) in pairwise([(b"", b""), *rows]):
        shared = 0
        while share and parts and shared < min(len(before), len(key)) and before[shared] == key[shared]:
            shared += 1
        parts.append(varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value)
    return b"".join(parts) + struct.pack("<2L", 0, 1)


def table(rows: Sequence[tuple[bytes, bytes]], *, per_block: int = 3, compression: int = 0) -> bytes:
    """A table as LevelDB writes it: data blocks, an empty metaindex, the index, the footer."""
    trailer = bytes([compression]) + bytes(4)
    content = b""
    index = []
    for first in range(0, len(rows), per_block):
        block = table_block(rows[first : first + per_block])
        index.append((rows[min(first + per_block, len(rows)) - 1][0], varint(len(content)) + varint(len(block))))
        content += block + trailer
    return with_footer(content, table_block(index, share=False), trailer)


def with_footer(content: bytes, index: bytes, trailer: bytes = bytes(5)) -> bytes:
    """`content`, an empty metaindex, the index block and the footer that names both."""
    meta = table_block([])
    handles = varint(len(content)) + varint(len(meta))
    content += meta + trailer
    handles += varint(len(content)) + varint(len(index))
    return content + index + trailer + handles.ljust(40, b"\0") + MAGIC


def tf_header(shards: int = 1) -> bytes:
    return number(1, shards) + part(3, number(1, 1))


def tf_folder(folder: Path, saved_model: bytes, index: bytes | None = None, shard_bytes: int | None = None) -> Path:
    """A SavedModel folder."""
    (folder / "variables").mkdir(parents=True, exist_ok=True)
    (folder / "saved_model.pb").write_bytes(saved_model)
    if index is not None:
        (folder / "variables" / "variables.index").write_bytes(index)
    if shard_bytes is not None:
        with (folder / "variables" / "variables.data-00000-of-00001").open("wb") as shard:
            shard.truncate(shard_bytes)
    return folder
