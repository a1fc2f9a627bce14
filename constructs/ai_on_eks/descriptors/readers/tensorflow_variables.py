"""The variables of a checkpoint: `variables.index` says what lies in the shards, which are asked for their size only.

key ""            BundleHeaderProto: shards (1), byte order (2)
key of a tensor   BundleEntryProto: data type (1), shape (2), shard (3), offset (4), bytes (5), slices (7)
key "\\0…"         a slice of a tensor that is stored in parts; the tensor's own entry has its whole shape
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.readers.held_tensors import HeldTensors
from ai_on_eks.descriptors.readers.limits import Limits
from ai_on_eks.descriptors.readers.protobuf_wire import BYTES, FIXED32, VARINT, Wire, signed
from ai_on_eks.descriptors.readers.source import NotAFileError, open_beside, size_beside
from ai_on_eks.descriptors.readers.tensorflow_shapes import element_type, read_known_shape
from ai_on_eks.descriptors.readers.tensorflow_table import Row, key_text, read_rows
from ai_on_eks.descriptors.readers.types import StoredTensor
from ai_on_eks.descriptors.readers.window import Window

INDEX = "variables.index"
_OBJECT_GRAPH = b"_CHECKPOINTABLE_OBJECT_GRAPH"
"""Not a tensor of the model: how its Python objects hang together."""

_ENTRY_KINDS = {1: VARINT, 2: BYTES, 3: VARINT, 4: VARINT, 5: VARINT, 6: FIXED32, 7: BYTES}
_BIG_ENDIAN = 1


@dataclass(slots=True)
class Variables:
    """sizes   bytes of each shard; None for one that is absent, so that its entries cannot be checked against it"""

    tensors: HeldTensors
    sizes: list[int | None] = field(default_factory=list)


def read_variables(folder: Place, limits: Limits) -> Variables:
    """All variables of `folder`, which holds the index and its shards."""
    with open_beside(folder / INDEX, INDEX) as source:
        wire = Wire(Window(source), limits)
        return _Reader(wire, folder, Variables(HeldTensors(limits, wire.reject))).read()


@dataclass(slots=True)
class _Reader:
    wire: Wire
    folder: Place
    found: Variables

    def read(self) -> Variables:
        wire, found = self.wire, self.found
        for row in read_rows(wire):
            if not row[0]:
                self._header(row)
                continue
            if not found.sizes:
                raise wire.reject(row[1], "the table has no header")
            if row[0].startswith(b"\0") or row[0] == _OBJECT_GRAPH:
                continue
            tensor = self._entry(key_text(wire, row), row)
            found.tensors.add(row[1], tensor.name, tensor.data_type, tensor.shape, tensor.stored_bytes)
        if not found.sizes:
            raise wire.reject(0, "the table has no header")
        return found

    def _header(self, row: Row) -> None:
        wire = self.wire
        shards = 0
        for number, _, first, _ in wire.fields(row[1], row[2], 0, {1: VARINT, 2: VARINT, 3: BYTES}):
            if number == 1:
                shards = signed(first)
            elif number == 2 and first == _BIG_ENDIAN:
                raise wire.reject(row[1], "the variables are stored big-endian")
        if not 0 < shards <= wire.limits.files:
            raise wire.reject(row[1], f"the variables lie in {shards:,} files; 1 to {wire.limits.files:,} are read")
        self.found.sizes = [
            self._shard_size(f"variables.data-{shard:05d}-of-{shards:05d}", row[1]) for shard in range(shards)
        ]

    def _shard_size(self, name: str, at: int) -> int | None:
        try:
            return size_beside(self.folder / INDEX, name)
        except NotAFileError:
            raise self.wire.reject(at, f"{name} is a link or no regular file") from None

    def _entry(self, name: str, row: Row) -> StoredTensor:
        wire, (_, start, end) = self.wire, row
        numbers = {1: 0, 3: 0, 4: 0, 5: 0}
        shape: tuple[int, ...] | None = None
        sliced = False
        for number, kind, first, last in wire.fields(start, end, 0, _ENTRY_KINDS):
            if number in numbers:
                numbers[number] = signed(first)
            elif number == 2:
                if shape is not None:
                    raise wire.reject(first, "a variable has two shapes")
                shape = read_known_shape(wire, first, last, 1)
            elif number == 7 and kind == BYTES:
                sliced = True
        element = element_type(wire, start, numbers[1])
        tensor = StoredTensor(name, element.name, shape or (), numbers[5])
        expected = None if element.width is None else tensor.elements * element.width
        if sliced:
            return StoredTensor(name, element.name, tensor.shape, expected)
        if expected is not None and numbers[5] != expected:
            reason = f"a variable has {numbers[5]:,} bytes; shape and data type give {expected:,}"
            raise wire.reject(start, reason)
        self._check_place(start, shard=numbers[3], offset=numbers[4], size=numbers[5])
        return tensor

    def _check_place(self, at: int, *, shard: int, offset: int, size: int) -> None:
        if not 0 <= shard < len(self.found.sizes):
            raise self.wire.reject(at, f"a variable lies in shard {shard} of {len(self.found.sizes)}")
        if offset < 0 or size < 0:
            raise self.wire.reject(at, "a variable has a negative place or size")
        shard_bytes = self.found.sizes[shard]
        if shard_bytes is not None and offset + size > shard_bytes:
            raise self.wire.reject(at, f"a variable ends at {offset + size:,}; its shard has {shard_bytes:,} bytes")
