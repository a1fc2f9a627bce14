"""The header of a GGUF file, version 2 or 3, whole or split.

    magic "GGUF" | version u32 | tensors u64 | keys u64 | keys and values | tensors | padding | data
    tensor = name | dimensions u32 | each u64, innermost first | type u32 | offset in the data u64

    byte order   the magic is the same in both; a version above 65,535 that is 2 or 3 when its bytes are reversed tells
    data begin   end of the header, rounded up to `general.alignment` (32 unless given)
    split        `split.count` > 1: parts are named <name>-00001-of-0000N.gguf and lie in one folder

Shapes are given outermost first, as every other format writes them.
Source: docs/gguf.md of ggml and `gguf-split` of llama.cpp.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence
from itertools import pairwise
from struct import Struct
from typing import NamedTuple

from ai_on_eks.descriptors.places import Place, Source
from ai_on_eks.descriptors.readers.cursor import Cursor
from ai_on_eks.descriptors.readers.ggml_types import GGML_TYPES, WITHDRAWN
from ai_on_eks.descriptors.readers.gguf_values import ALIGNMENT, NAME_BYTES, Values
from ai_on_eks.descriptors.readers.held_tensors import HeldTensors
from ai_on_eks.descriptors.readers.limits import LIMITS, Limits, malformed
from ai_on_eks.descriptors.readers.source import open_beside, open_source
from ai_on_eks.descriptors.readers.types import MetadataValue, StoredTensor, WeightHeader

FORMAT = "gguf"
MAGIC = b"GGUF"
VERSIONS = (2, 3)
DEFAULT_ALIGNMENT = 32
SMALLEST_ALIGNMENT = 8
DIMENSIONS = 4
MOST_TENSORS = 8_192
"""Of one file. ggml keeps the experts of a layer in one tensor: the largest published models have below 3,000."""
BYTE_ORDER = "GGUF.byte_order"
"""Added to the metadata. Keys of files are in lower case by the specification."""

_PART = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.gguf")
_SMALLEST_TENSOR_BYTES = 8 + 4 + 4 + 8


class Part(NamedTuple):
    """One file."""

    tensors: list[StoredTensor]
    metadata: dict[str, MetadataValue]


def read_header(path: Place, limits: Limits = LIMITS) -> WeightHeader:
    """The header of the model that `path` holds, or is a part of."""
    with open_source(path) as source:
        part = read_part(source, limits)
    count = _split_count(path, part)
    if count == 1:
        return _header([part], (path.name,))
    return _read_split(path, part, count, limits)


def read_part(source: Source, limits: Limits = LIMITS) -> Part:
    """The header of one file, whatever it says about a split."""
    cursor = Cursor(source, limits.header_bytes)
    if cursor.raw(4, "the magic number") != MAGIC:
        raise cursor.error("it does not begin with GGUF", 0)
    order = _byte_order(cursor)
    counts = Struct(order + "QQ")
    tensors, keys = cursor.unpack(counts, "the numbers of tensors and keys")
    values = Values(cursor, order, limits)
    pairs = values.read(keys)
    if BYTE_ORDER in pairs:
        raise cursor.error("a key is reserved for what this reader adds", 0)
    alignment = _alignment(cursor, pairs.get(ALIGNMENT))
    stored = _Tensors(cursor, values, order, limits).read(tensors, alignment, source.size_bytes)
    little = "little" if order == "<" else "big"
    return Part(stored, {BYTE_ORDER: little, **pairs.finish()})


def _byte_order(cursor: Cursor) -> str:
    offset = cursor.offset
    data = cursor.raw(4, "the version")
    little, big = int.from_bytes(data, "little"), int.from_bytes(data, "big")
    if little in VERSIONS:
        return "<"
    if big in VERSIONS:
        return ">"
    raise cursor.error(f"version {min(little, big):,} is not read, versions 2 and 3 are", offset)


def _alignment(cursor: Cursor, value: MetadataValue | None) -> int:
    if value is None:
        return DEFAULT_ALIGNMENT
    if not isinstance(value, int) or value < SMALLEST_ALIGNMENT or value & (value - 1):
        raise cursor.error(f"the alignment {value} is not a power of two of at least {SMALLEST_ALIGNMENT}")
    return value


class _Tensors:
    """Reads the list of tensors and checks where their data lie."""

    def __init__(self, cursor: Cursor, values: Values, order: str, limits: Limits) -> None:
        self._cursor = cursor
        self._values = values
        self._limits = limits
        self._u32 = Struct(order + "I")
        self._ends = [Struct(f"{order}{'Q' * dimensions}IQ") for dimensions in range(DIMENSIONS + 1)]
        self._held = HeldTensors(limits, lambda offset, reason: cursor.error(reason, offset))

    def read(self, count: int, alignment: int, file_bytes: int) -> list[StoredTensor]:
        cursor = self._cursor
        most = min(self._limits.tensors, MOST_TENSORS)
        if count > most:
            raise cursor.error(f"it declares {count:,} tensors; at most {most:,} are read")
        if count * _SMALLEST_TENSOR_BYTES > cursor.remaining:
            raise cursor.error(f"it declares {count:,} tensors, more than {cursor.remaining:,} bytes can hold")
        offsets, lengths = array("Q"), array("Q")
        for _ in range(count):
            began = cursor.offset
            offset, length = self._tensor()
            if offset % alignment:
                raise cursor.error(f"a tensor's data are not at a multiple of {alignment:,}", began)
            offsets.append(offset)
            lengths.append(length)
        data = -(-cursor.offset // alignment) * alignment
        self._check_places(offsets, lengths, data, file_bytes)
        return self._held.by_name()

    def _tensor(self) -> tuple[int, int]:
        """Holds one tensor; the place and the length of its data."""
        cursor = self._cursor
        began = cursor.offset
        name = self._values.text(NAME_BYTES, "a tensor's name")
        dimensions = cursor.unpack(self._u32, "a tensor's number of dimensions")[0]
        if dimensions > DIMENSIONS:
            raise cursor.error(f"a tensor has {dimensions:,} dimensions; ggml has {DIMENSIONS}", began)
        *shape, number, offset = cursor.unpack(self._ends[dimensions], "a tensor's shape, type and offset")
        shape.reverse()
        data_type = GGML_TYPES.get(number)
        if data_type is None:
            withdrawn = "was withdrawn" if number in WITHDRAWN else "does not exist"
            raise cursor.error(f"tensor type {number} {withdrawn}", began)
        elements = 1
        for size in shape:
            elements *= size
            if size >= 2**63 or elements >= 2**63:
                raise cursor.error("a tensor has 2**63 elements or more", began)
        row = shape[-1] if shape else 1
        if row % data_type.block:
            reason = f"a row of {row:,} weights does not consist of blocks of {data_type.block} ({data_type.name})"
            raise cursor.error(reason, began)
        stored_bytes = elements // data_type.block * data_type.bytes_per_block
        if stored_bytes >= 2**63:
            raise cursor.error("a tensor has 2**63 bytes or more", began)
        self._held.add(began, name, data_type.name, tuple(shape), stored_bytes)
        return offset, stored_bytes

    def _check_places(self, offsets: array[int], lengths: array[int], data: int, file_bytes: int) -> None:
        """`data` is where all of them begin. An empty tensor may lie where another begins, not inside one."""
        order: Sequence[int] = range(len(offsets))
        if any(left >= right for left, right in pairwise(offsets)):  # writers list them as they lie
            order = sorted(sorted(order, key=lengths.__getitem__), key=offsets.__getitem__)
        end = 0
        for offset, length in ((offsets[index], lengths[index]) for index in order):
            if offset < end:
                raise self._cursor.error("the data of two tensors overlap", data + offset)
            end = offset + length
            if data + end > file_bytes:
                reason = f"a tensor's data end at byte {data + end:,}, the file ends at {file_bytes:,}"
                raise self._cursor.error(reason, data)


def _split_count(path: Place, part: Part) -> int:
    """Parts of the model, by the header; the name has to agree."""
    count = part.metadata.get("split.count", 1)
    if isinstance(count, bool) or not isinstance(count, int):
        raise malformed(str(path), 0, "the number of parts is not a whole number")
    match = _PART.fullmatch(path.name)
    named = int(match["count"]) if match else 1
    if count <= 1 < named:
        raise malformed(str(path), 0, f"its name says that it is one of {named:,} parts, its header does not")
    if count > 1 and named != count:
        raise malformed(str(path), 0, f"its header says that it is one of {count:,} parts, its name does not")
    return max(count, 1)


def _read_split(path: Place, given: Part, count: int, limits: Limits) -> WeightHeader:
    match = _PART.fullmatch(path.name)
    if match is None or count > limits.files:
        raise malformed(str(path), 0, f"it has {count:,} parts; at most {limits.files:,} are read")
    parts: list[Part] = []
    total = 0
    names = [f"{match['stem']}-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1)]
    for number, name in enumerate(names):
        if name == path.name:
            part = given
        else:
            with open_beside(path, name) as source:
                part = read_part(source, limits)
        where = str(path.with_name(name))
        if part.metadata.get("split.no") != number:
            raise malformed(where, 0, f"its header does not say that it is part {number + 1:,}")
        if part.metadata.get("split.count") != count:
            raise malformed(where, 0, f"its header does not say that there are {count:,} parts")
        parts.append(part)
        total += len(part.tensors)
        if total > limits.model_tensors:
            raise malformed(where, 0, f"the parts have more than {limits.model_tensors:,} tensors")
    header = _header(parts, tuple(names))
    declared = parts[0].metadata.get("split.tensors.count", len(header.tensors))
    if declared != len(header.tensors):
        found = len(header.tensors)
        raise malformed(str(path), 0, f"the parts declare {declared} tensors together and have {found:,}")
    for left, right in pairwise(header.tensors):
        if left.name == right.name:
            raise malformed(str(path), 0, "two parts have a tensor of the same name")
    return header


def _header(parts: list[Part], files: tuple[str, ...]) -> WeightHeader:
    """The parts together; where two say different things the first is right, it has the model's own keys."""
    metadata: dict[str, MetadataValue] = {}
    tensors: list[StoredTensor] = []
    for part in parts:
        tensors += part.tensors
        metadata = {**part.metadata, **metadata}
    tensors.sort(key=lambda tensor: tensor.name)
    return WeightHeader(FORMAT, tuple(tensors), metadata, tuple(sorted(files)))
