"""The header of one safetensors file.

    length of the header u64, little endian | JSON | data
    {"__metadata__": {text: text}, name: {"dtype": "BF16", "shape": [n, ...], "data_offsets": [begin, end]}, ...}

    end − begin = elements × bits / 8        the data of all tensors follow each other from 0 to the end of the file

Source: the format's description in the safetensors repository and the types of its version 0.8.
"""

from __future__ import annotations

import re
from array import array
from math import prod
from typing import NamedTuple

from ai_on_eks.descriptors.places import Source
from ai_on_eks.descriptors.readers.held_tensors import HeldTensors
from ai_on_eks.descriptors.readers.json_stream import KEY_BYTES, SPACE, JsonStream
from ai_on_eks.descriptors.readers.limits import Limits, malformed
from ai_on_eks.descriptors.readers.metadata import KEPT_TEXT_BYTES, Metadata, TooMuchTextError
from ai_on_eks.descriptors.readers.types import MetadataValue, StoredTensor

LENGTH_BYTES = 8
METADATA = "__metadata__"

BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "C64": 64, "F64": 64, "I64": 64, "U64": 64,
}  # fmt: skip
_NAMES = {data_type: data_type.lower() for data_type in BITS}

_FIELDS = ("dtype", "shape", "data_offsets")
_NUMBER = rb"(?:0|[1-9][0-9]{0,18}+)"
_COMMA = SPACE + rb"," + SPACE
_COLON = SPACE + rb":" + SPACE
_ENTRY = re.compile(
    SPACE + rb'"(?!__metadata__")([^"\\\x00-\x1f]*+)"' + _COLON + rb"\{(?:" + SPACE + rb"(?:"
    rb'"dtype"' + _COLON + rb'"([A-Z0-9_]++)"|'
    rb'"shape"'
    + _COLON
    + rb"\["
    + SPACE
    + rb"((?:"
    + _NUMBER
    + rb"(?:"
    + _COMMA
    + _NUMBER
    + rb")*+)?+)"
    + SPACE
    + rb"\]|"
    rb'"data_offsets"'
    + _COLON
    + rb"\["
    + SPACE
    + rb"("
    + _NUMBER
    + rb")"
    + _COMMA
    + rb"("
    + _NUMBER
    + rb")"
    + SPACE
    + rb"\]"
    rb")" + SPACE + rb"(?:,(?!" + SPACE + rb"\})|(?=\}))){3}+\}" + SPACE + rb","
)
"""A tensor as writers write it, in any order of its fields, and the comma after it. What does not match is read token
by token, which takes six times as long and ends in the same tensor or in an error at its byte."""

UNUSUAL_TENSORS = 1_024
"""Read token by token. Beside the last one of a header and those across the end of a buffer only escaped names are."""

_REMEMBERED_LAYOUTS = 1_024


class Part(NamedTuple):
    """One file."""

    tensors: list[StoredTensor]
    metadata: dict[str, MetadataValue]


def read_part(source: Source, limits: Limits) -> Part:
    """Tensors sorted by name, and metadata, of one file."""
    if source.size_bytes < LENGTH_BYTES:
        raise malformed(source.name, 0, f"it has {source.size_bytes} bytes; the length of the header alone takes 8")
    length = int.from_bytes(source.read_at(0, LENGTH_BYTES), "little")
    if length > source.size_bytes - LENGTH_BYTES:
        reason = f"it declares a header of {length:,} bytes; {source.size_bytes - LENGTH_BYTES:,} follow"
        raise malformed(source.name, 0, reason)
    if length > limits.header_bytes:
        reason = f"it declares a header of {length:,} bytes; at most {limits.header_bytes:,} are read"
        raise malformed(source.name, 0, reason)
    begin = LENGTH_BYTES + length
    return _Header(JsonStream(source, LENGTH_BYTES, begin), limits).read(begin, source.size_bytes - begin)


class _Layout(NamedTuple):
    data_type: str
    shape: tuple[int, ...]
    size_bytes: int


class _Header:
    """Collects the entries and then checks them against each other. Arrays: nothing is kept twice in memory."""

    def __init__(self, stream: JsonStream, limits: Limits) -> None:
        self._stream = stream
        self._limits = limits
        self._tensors = HeldTensors(limits, lambda offset, reason: stream.error(reason, offset))
        self._begins = array("Q")
        self._ends = array("Q")
        self._layouts: dict[tuple[bytes, bytes], _Layout] = {}
        self._metadata: Metadata | None = None
        self._unusual = 0

    def read(self, data: int, data_bytes: int) -> Part:
        """`data` is the byte at which the data begin."""
        stream = self._stream
        stream.expect(b"{", "the header does not begin with a brace")
        if not stream.accept(b"}"):
            while True:
                self._usual_entries()
                self._entry()
                if not stream.accept(b","):
                    break
            stream.expect(b"}", "a comma or a closing brace is missing")
        stream.finish()
        self._check_places(data, data_bytes)
        del self._begins[:], self._ends[:]
        return Part(self._tensors.by_name(), {} if self._metadata is None else self._metadata.finish())

    def _usual_entries(self) -> None:
        """Entries as writers write them, as many as lie in the buffer and have another one behind them."""
        stream, layouts = self._stream, self._layouts
        while (found := _ENTRY.match(stream.buffer, stream.at)) is not None:
            raw_name, raw_type, raw_shape, begin, end = found.groups()
            if end is None or raw_type is None or raw_shape is None or len(raw_name) > KEY_BYTES:
                return
            layout = layouts.get((raw_type, raw_shape))
            if layout is None:
                shape = tuple(map(int, raw_shape.split(b","))) if raw_shape else ()
                layout = self._layout(stream.offset, str(raw_type, "ascii"), shape)
                if len(layouts) < _REMEMBERED_LAYOUTS:
                    layouts[raw_type, raw_shape] = layout
            self._add(stream.offset, stream.decode(raw_name, stream.offset), layout, int(begin), int(end))
            stream.at = found.end()

    def _entry(self) -> None:
        stream = self._stream
        offset = stream.offset
        name = stream.key()
        if name == METADATA:
            self._read_metadata(offset)
        else:
            self._any_tensor(offset, name)

    def _any_tensor(self, offset: int, name: str) -> None:
        stream = self._stream
        self._unusual += 1
        if self._unusual > UNUSUAL_TENSORS:
            raise stream.error(f"more than {UNUSUAL_TENSORS:,} tensors are written as no writer does", offset)
        data_type: str | None = None
        lists: dict[str, tuple[int, ...]] = {}
        for key in stream.members("a tensor is not an object"):
            if key not in _FIELDS:
                raise stream.error("a tensor has a field other than dtype, shape and data_offsets", offset)
            if key in lists or (key == "dtype" and data_type is not None):
                raise stream.error("a tensor has a field twice", offset)
            if key == "dtype":
                data_type = stream.text("a tensor's type is not text")
            elif key == "shape":
                lists[key] = stream.whole_numbers(self._limits.dimensions, "a tensor's shape")
            else:
                lists[key] = stream.whole_numbers(2, "a tensor's place")
        if data_type is None or len(lists) < 2:
            raise stream.error("a tensor lacks its dtype, shape or data_offsets", offset)
        if len(lists["data_offsets"]) != 2:
            raise stream.error("a tensor's place is not two numbers", offset)
        self._add(offset, name, self._layout(offset, data_type, lists["shape"]), *lists["data_offsets"])

    def _layout(self, offset: int, data_type: str, shape: tuple[int, ...]) -> _Layout:
        error = self._stream.error
        bits = BITS.get(data_type)
        if bits is None:
            raise error("a tensor has a type that safetensors does not have", offset)
        if len(shape) > self._limits.dimensions:
            raise error(f"a tensor's shape has more than {self._limits.dimensions} numbers", offset)
        total_bits = prod(shape) * bits
        if total_bits >= 2**66 or max(shape, default=0) >= 2**63:
            raise error("a tensor has 2**63 bytes or more", offset)
        if total_bits % 8:
            raise error("a tensor does not fill whole bytes", offset)
        return _Layout(_NAMES[data_type], shape, total_bits // 8)

    def _add(self, offset: int, name: str, layout: _Layout, begin: int, end: int) -> None:
        error = self._stream.error
        data_type, shape, size = layout
        if end - begin != size:
            if begin > end:
                raise error("a tensor ends before it begins", offset)
            raise error(f"a tensor has {size:,} bytes by its shape and type, {end - begin:,} by its place", offset)
        if end >= 2**63:
            raise error("a tensor ends at 2**63 bytes or later", offset)
        self._tensors.add(offset, name, data_type, shape, size)
        self._begins.append(begin)
        self._ends.append(end)

    def _read_metadata(self, offset: int) -> None:
        stream = self._stream
        if self._metadata is not None:
            raise stream.error("__metadata__ is given twice", offset)
        self._metadata = metadata = Metadata(self._limits)
        for count, key in enumerate(stream.members("__metadata__ is not an object")):
            began = stream.offset
            if count == self._limits.metadata:
                raise stream.error(f"__metadata__ has more than {self._limits.metadata:,} keys")
            if key in metadata:
                raise stream.error("a key of __metadata__ is given twice")
            longest = min(self._limits.string_bytes, self._limits.metadata_bytes)
            text, length = stream.long_text(KEPT_TEXT_BYTES, longest, "a value of __metadata__ is not text")
            try:
                if text is None:
                    metadata.leave_out(key, length, length)
                else:
                    metadata.keep(key, text, length)
            except TooMuchTextError:
                reason = f"__metadata__ exceeds {self._limits.metadata_bytes:,} bytes of text"
                raise stream.error(reason, began) from None

    def _check_places(self, data: int, data_bytes: int) -> None:
        """From 0 to the end of the file without a gap and without sharing. Writers list tensors in that order."""
        begins, ends = self._begins, self._ends
        expected = 0
        if begins[1:] != ends[:-1]:
            order = sorted(sorted(range(len(begins)), key=ends.__getitem__), key=begins.__getitem__)
            for index in order:
                if begins[index] != expected:
                    fault = "overlap" if begins[index] < expected else "leave a gap"
                    raise self._stream.error(f"the data of two tensors {fault}", self._tensors.entry(index))
                expected = ends[index]
        elif begins and begins[0]:
            raise self._stream.error("the data of the first tensor do not begin at 0", self._tensors.entry(0))
        elif ends:
            expected = ends[-1]
        if expected != data_bytes:
            reason = f"the tensors end at byte {data + expected:,}, the file ends at {data + data_bytes:,}"
            raise self._stream.error(reason, data)
