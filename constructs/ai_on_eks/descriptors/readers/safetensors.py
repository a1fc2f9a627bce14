"""A safetensors model: one file, or several with an index that says which tensor lies in which.

    {"metadata": {"total_size": bytes of all tensors, ...}, "weight_map": {tensor: file, ...}}

The index is compared with the headers of the files: every tensor is in exactly the file named, and in no other.

    total_size = Σ bytes        some writers count a truth value as one bit: − 7/8 of the bytes of those
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ai_on_eks.descriptors.json_reading import parse_json
from ai_on_eks.descriptors.places import Place, Source
from ai_on_eks.descriptors.readers.json_stream import KEY_BYTES, SPACE, JsonStream
from ai_on_eks.descriptors.readers.limits import LIMITS, Limits, malformed
from ai_on_eks.descriptors.readers.metadata import text_bytes
from ai_on_eks.descriptors.readers.safetensors_header import UNUSUAL_TENSORS, read_part
from ai_on_eks.descriptors.readers.source import is_plain_name, open_beside, open_source
from ai_on_eks.descriptors.readers.types import MetadataValue, StoredTensor, WeightHeader
from ai_on_eks.errors import InputError

FORMAT = "safetensors"
INDEX_SUFFIX = ".index.json"
SHARD_SUFFIX = ".safetensors"
SIZE = "total_size"

_INDEX_METADATA_BYTES = 64 * 2**10

_PLAIN_TEXT = rb'"([^"\\\x00-\x1f]*+)"'
_PAIR = re.compile(SPACE + _PLAIN_TEXT + SPACE + rb":" + SPACE + _PLAIN_TEXT + SPACE + rb",")
"""An entry of the weight_map as writers write it, and the comma after it; others are read token by token."""


def read_header(path: Place, limits: Limits = LIMITS) -> WeightHeader:
    """The header of one file, or of all the shards that a `….safetensors.index.json` names."""
    if path.name.endswith(INDEX_SUFFIX):
        return _read_model(path, limits)
    with open_source(path) as source:
        part = read_part(source, limits)
    return WeightHeader(FORMAT, tuple(part.tensors), part.metadata, (path.name,))


def _read_model(path: Place, limits: Limits) -> WeightHeader:
    with open_source(path) as source:
        index = _Index(source, limits)
        index.read()
    tensors: list[StoredTensor] = []
    metadata: dict[str, MetadataValue] = dict(index.metadata)
    for number, name in sorted(enumerate(index.shards), key=lambda item: item[1]):
        with open_beside(path, name) as source:
            part = read_part(source, limits)
        for tensor in part.tensors:
            if index.places.pop(tensor.name, None) != number:
                raise malformed(source.name, 0, "it has a tensor that the index does not place here")
        tensors += part.tensors
        metadata = {**part.metadata, **metadata}
    if index.places:
        reason = f"it places {len(index.places):,} tensors in files that do not have them"
        raise malformed(str(path), index.map_offset, reason)
    tensors.sort(key=lambda tensor: tensor.name)
    header = WeightHeader(FORMAT, tuple(tensors), metadata, tuple(sorted((path.name, *index.shards))))
    _check_size(path, header)
    return header


class _Index:
    """places: tensor -> position in `shards`."""

    def __init__(self, source: Source, limits: Limits) -> None:
        if source.size_bytes > limits.header_bytes:
            reason = f"it has {source.size_bytes:,} bytes; at most {limits.header_bytes:,} are read"
            raise malformed(source.name, 0, reason)
        self._stream = JsonStream(source, 0, source.size_bytes)
        self._limits = limits
        self.metadata: Mapping[str, MetadataValue] = {}
        self._numbers: dict[str, int] = {}
        self._text_left = limits.header_bytes
        self.places: dict[str, int] = {}
        self.map_offset = 0

    @property
    def shards(self) -> list[str]:
        return list(self._numbers)

    def read(self) -> None:
        stream = self._stream
        seen: set[str] = set()
        for key in stream.members("the index is not an object"):
            if key in seen:
                raise stream.error("the index has a key twice")
            seen.add(key)
            if len(seen) > self._limits.nesting:
                raise stream.error(f"the index has more than {self._limits.nesting} keys")
            if key == "weight_map":
                self.map_offset = stream.offset
                self._read_map()
                continue
            value = self._value()
            if key == "metadata":
                self._keep(value)
        stream.finish()
        if not self.places:
            raise stream.error("the index has no weight_map, or an empty one", 0)

    def _read_map(self) -> None:
        stream = self._stream
        stream.expect(b"{", "the weight_map is not an object")
        if stream.accept(b"}"):
            return
        unusual = 0
        while True:
            while (found := _PAIR.match(stream.buffer, stream.at)) is not None and len(found[0]) <= KEY_BYTES:
                offset = stream.offset
                self._place(stream.decode(found[1], offset), stream.decode(found[2], offset), offset)
                stream.at = found.end()
            offset = stream.offset
            unusual += 1
            if unusual > UNUSUAL_TENSORS:
                raise stream.error(f"more than {UNUSUAL_TENSORS:,} tensors are written as no writer does", offset)
            self._place(stream.key(), stream.text("a place in the weight_map is not text"), offset)
            if stream.accept(b"}"):
                return
            stream.expect(b",", "a comma or a closing brace is missing")

    def _place(self, tensor: str, shard: str, offset: int) -> None:
        error = self._stream.error
        if tensor in self.places:
            raise error("the weight_map has a tensor twice", offset)
        number = self._numbers.get(shard)
        if number is None:
            if not is_plain_name(shard) or not shard.endswith(SHARD_SUFFIX):
                raise error("a place in the weight_map is not the plain name of a .safetensors file", offset)
            if len(self._numbers) == self._limits.files:
                raise error(f"the weight_map names more than {self._limits.files:,} files", offset)
            self._numbers[shard] = number = len(self._numbers)
        self._text_left -= text_bytes(tensor)
        if len(self.places) == self._limits.model_tensors or self._text_left < 0:
            raise error(f"the weight_map has more than {self._limits.model_tensors:,} tensors", offset)
        self.places[tensor] = number

    def _value(self) -> Any:
        """Any JSON value of moderate length."""
        stream = self._stream
        offset = stream.offset
        raw = stream.raw_value(_INDEX_METADATA_BYTES)
        try:
            return parse_json(stream.decode_raw(raw, offset), "index").value
        except InputError as error:
            reason = error.problems[0].message if error.problems[0].code != "duplicate-key" else "a key is given twice"
            raise stream.error(f"beside the weight_map: {reason}", offset) from None

    def _keep(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise self._stream.error("the metadata of the index are not an object")
        self.metadata = {key: fact for key, fact in value.items() if isinstance(fact, str | int | float | bool)}
        size = self.metadata.get(SIZE, 0)
        if isinstance(size, bool) or not isinstance(size, int | float) or size < 0:
            raise self._stream.error(f"{SIZE} is not a number of bytes")


def _check_size(path: Place, header: WeightHeader) -> None:
    declared = header.metadata.get(SIZE)
    if not isinstance(declared, int | float):
        return
    total = sum(tensor.stored_bytes or 0 for tensor in header.tensors)
    truth_values = sum(tensor.stored_bytes or 0 for tensor in header.tensors if tensor.data_type == "bool")
    if declared != total and abs(declared - (total - truth_values * 7 / 8)) >= 1:
        raise malformed(str(path), 0, f"it declares {declared:,} bytes of tensors, its files have {total:,}")
