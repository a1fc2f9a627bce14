"""GGUF files written by the format's description, right or wrong as a test needs them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from msgspec import Struct

U8, I8, U16, I16, U32, I32, F32, BOOL, TEXT, LIST, U64, I64, F64 = range(13)
LETTERS = {U8: "B", I8: "b", U16: "H", I16: "h", U32: "I", I32: "i", F32: "f", BOOL: "B", U64: "Q", I64: "q", F64: "d"}


def text(value: str | bytes, order: str = "<") -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack(order + "Q", len(raw)) + raw


def scalar(key: str | bytes, kind: int, value: object, order: str = "<") -> bytes:
    payload = text(value, order) if isinstance(value, str | bytes) else struct.pack(order + LETTERS[kind], value)
    return text(key, order) + struct.pack(order + "I", kind) + payload


def array(key: str, kind: int, members: bytes, count: int, order: str = "<") -> bytes:
    return text(key, order) + struct.pack(order + "IIQ", LIST, kind, count) + members


def numbers(key: str, kind: int, values: Sequence[object], order: str = "<") -> bytes:
    return array(key, kind, struct.pack(f"{order}{len(values)}{LETTERS[kind]}", *values), len(values), order)


def texts(key: str, values: Sequence[str], order: str = "<") -> bytes:
    return array(key, TEXT, b"".join(text(value, order) for value in values), len(values), order)


class Tensor(Struct, frozen=True):
    """`sizes` as in the file, innermost first."""

    name: str | bytes = "a"
    sizes: tuple[int, ...] = (4,)
    kind: int = 0
    offset: int = 0
    dimensions: int | None = None

    def pack(self, order: str) -> bytes:
        count = len(self.sizes) if self.dimensions is None else self.dimensions
        form = f"{order}I{len(self.sizes)}QIQ"
        return text(self.name, order) + struct.pack(form, count, *self.sizes, self.kind, self.offset)


def gguf(
    pairs: Sequence[bytes] = (),
    tensors: Sequence[Tensor] = (),
    *,
    data: int = 0,
    alignment: int = 32,
    order: str = "<",
    version: int = 3,
    magic: bytes = b"GGUF",
    tensor_count: int | None = None,
    pair_count: int | None = None,
) -> bytes:
    """A whole file with `data` bytes after the padding."""
    counts = (
        len(tensors) if tensor_count is None else tensor_count,
        len(pairs) if pair_count is None else pair_count,
    )
    head = magic + struct.pack(order + "IQQ", version, *counts) + b"".join(pairs)
    head += b"".join(tensor.pack(order) for tensor in tensors)
    return head + b"\x00" * (-len(head) % alignment + data)
