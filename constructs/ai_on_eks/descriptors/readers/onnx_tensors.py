"""One tensor of an ONNX file: its name, element type, shape and where its bytes lie.

raw           raw_data has ceil(elements × bits / 8) bytes
one by one    a typed field; entries are counted where they have a fixed width, else bounded by 1 to 10 bytes each
external      another file; `length`, where given, is what raw_data would have
sparse        values [n], indices int64 [n] or [n, rank], dims of the whole
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ai_on_eks.descriptors.readers.onnx_external import ExternalData, Reject
from ai_on_eks.descriptors.readers.onnx_types import (
    DOUBLE_DATA,
    ELEMENT_TYPES,
    FLOAT_DATA,
    INT32_DATA,
    INT64,
    INT64_DATA,
    STRING_DATA,
    UINT64_DATA,
    ElementType,
)
from ai_on_eks.descriptors.readers.protobuf_wire import BYTES, FIXED32, FIXED64, VARINT, Wire, signed
from ai_on_eks.descriptors.readers.types import StoredTensor
from ai_on_eks.errors import InputError

DIMS, DATA_TYPE, SEGMENT, NAME, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 1, 2, 3, 8, 9, 13, 14
_KINDS = {
    DATA_TYPE: VARINT, SEGMENT: BYTES, NAME: BYTES, RAW_DATA: BYTES, EXTERNAL_DATA: BYTES, DATA_LOCATION: VARINT,
    STRING_DATA: BYTES,
}  # fmt: skip
_ENTRY_KIND = {
    FLOAT_DATA: FIXED32, DOUBLE_DATA: FIXED64, INT32_DATA: VARINT, INT64_DATA: VARINT, UINT64_DATA: VARINT,
}  # fmt: skip
_ENTRY_BYTES = {FIXED32: 4, FIXED64: 8}
_HOLDS_ELEMENTS = frozenset({*_ENTRY_KIND, STRING_DATA})
_EXTERNAL = 1
_ONCE = frozenset({DATA_TYPE, NAME, RAW_DATA, DATA_LOCATION})

MAX_LOCATION_BYTES = 4_096


@dataclass(slots=True)
class _Fields:
    """What one TensorProto says, before it is checked."""

    seen: set[int] = field(default_factory=set)
    dims: list[int] = field(default_factory=list)
    data_type: int = 0
    name: str = ""
    raw_bytes: int | None = None
    location: int = 0
    external: dict[str, str] = field(default_factory=dict)
    strings: int = 0
    entries: int = 0  # elements that have a field each
    packed: bool = False
    packed_bytes: int = 0  # of elements that share a field, and of strings


def read_tensor(wire: Wire, start: int, end: int, depth: int, external: ExternalData) -> tuple[StoredTensor, int]:
    """The tensor and the number of its element type."""
    found = _read(wire, start, end, depth)
    element = ELEMENT_TYPES.get(found.data_type)
    if element is None:
        raise wire.reject(start, f"data type {found.data_type} is not known")
    elements = count_elements(wire, start, found.dims)
    _check_place(wire, start, found, element, elements)
    if element.bits is None:
        stored = _check_strings(wire, start, found, elements)
    else:
        stored = element.raw_bytes(elements)
        if found.raw_bytes is not None and found.raw_bytes != stored:
            reason = f"raw data has {found.raw_bytes:,} bytes; shape and data type give {stored:,}"
            raise wire.reject(start, reason)
        if found.entries or found.packed:
            _check_entries(wire, start, found, element, elements)
        if found.location == _EXTERNAL:
            _count_external(wire, start, found, stored, external)
    return StoredTensor(found.name, element.name, tuple(found.dims), stored), found.data_type


def read_sparse(wire: Wire, start: int, end: int, depth: int, external: ExternalData) -> StoredTensor:
    """A sparse tensor under the shape of the whole; its bytes are those of values and indices."""
    parts: dict[int, tuple[StoredTensor, int]] = {}
    dims: list[int] = []
    for number, kind, first, last in wire.fields(start, end, depth, {1: BYTES, 2: BYTES}):
        if number in parts:
            raise wire.reject(first, "a sparse tensor has its values or indices twice")
        if number in {1, 2}:
            parts[number] = read_tensor(wire, first, last, depth + 1, external)
        elif number == 3:
            _add_dims(wire, kind, first, last, dims)
    if len(parts) != 2:
        raise wire.reject(start, "a sparse tensor needs values and indices")
    values, (indices, index_type) = parts[1][0], parts[2]
    if len(values.shape) != 1 or values.shape[0] > count_elements(wire, start, dims):
        raise wire.reject(start, "the values of a sparse tensor do not fit its shape")
    if index_type != INT64 or indices.shape not in {values.shape, (*values.shape, len(dims))}:
        raise wire.reject(start, "the indices of a sparse tensor do not fit its values")
    stored = (values.stored_bytes or 0) + (indices.stored_bytes or 0)
    return StoredTensor(values.name, values.data_type, tuple(dims), stored)


def count_elements(wire: Wire, start: int, dims: list[int]) -> int:
    """The product of the dimensions, each and together below 2**63."""
    elements = 1
    for size in dims:
        if size < 0:
            raise wire.reject(start, f"a dimension is {size}")
        elements *= size
    # A zero hides what the others would overflow, in a library that multiplies in 64 bits.
    product = 1
    for size in dims:
        product *= max(size, 1)
        if product >= 2**63:
            raise wire.reject(start, "the product of the dimensions is 2**63 or more")
    return elements


def read_pair(wire: Wire, start: int, end: int, depth: int, most: int) -> tuple[str, str | None, int]:
    """Key and value of a StringStringEntryProto and the bytes of the value; None: it has more than `most`."""
    key = value = ""
    length = 0
    cut = False
    for number, _, first, last in wire.fields(start, end, depth, {1: BYTES, 2: BYTES}):
        if number == 1:
            key = wire.text(first, last, "a key")
        elif number == 2:
            length = last - first
            cut = length > most
            value = "" if cut else wire.text(first, last, "a value", most)
    return key, None if cut else value, length


def _read(wire: Wire, start: int, end: int, depth: int) -> _Fields:
    found = _Fields()
    seen = found.seen
    for number, kind, first, last in wire.fields(start, end, depth, _KINDS):
        if number in _ONCE and number in seen:
            raise wire.reject(first, f"field {number} of a tensor is given twice")
        seen.add(number)
        if number == DIMS:
            _add_dims(wire, kind, first, last, found.dims)
        elif number == DATA_TYPE:
            found.data_type = signed(first)
        elif number == NAME:
            found.name = wire.text(first, last, "a tensor's name")
        elif number == RAW_DATA:
            found.raw_bytes = last - first
        elif number in {DATA_LOCATION, EXTERNAL_DATA}:
            _add_place(wire, number, first, last, depth + 1, found)
        elif number in _HOLDS_ELEMENTS:
            _add_elements(wire, number, kind, first, last, found)
    return found


def _add_dims(wire: Wire, kind: int, first: int, last: int, dims: list[int]) -> None:
    most = wire.limits.dimensions
    if kind == VARINT:
        dims.append(signed(first))
    elif kind == BYTES:
        dims.extend(signed(value) for value in wire.varints(first, last, most - len(dims), "dimensions"))
    else:
        raise wire.reject(first, f"dimensions have wire type {kind}")
    if len(dims) > most:
        raise wire.reject(last, f"a tensor has more than {most} dimensions")


def _add_place(wire: Wire, number: int, first: int, last: int, depth: int, found: _Fields) -> None:  # noqa: PLR0917
    if number == DATA_LOCATION:
        found.location = signed(first)
        return
    key, value, _ = read_pair(wire, first, last, depth, MAX_LOCATION_BYTES)
    if value is None:
        raise wire.reject(first, "a value of external data is too long")
    if key in found.external:
        raise wire.reject(first, "a key of external data is given twice")
    if len(found.external) >= 16:
        raise wire.reject(first, "external data has more than 16 keys")
    found.external[key] = value


def _add_elements(wire: Wire, number: int, kind: int, first: int, last: int, found: _Fields) -> None:  # noqa: PLR0917
    if number == STRING_DATA:
        found.strings += 1
        found.packed_bytes += last - first
    elif kind == _ENTRY_KIND[number]:
        found.entries += 1
    elif kind == BYTES:
        found.packed = True
        found.packed_bytes += last - first
    else:
        raise wire.reject(first, f"elements have wire type {kind}")


def _check_place(wire: Wire, start: int, found: _Fields, element: ElementType, elements: int) -> None:
    """Data lie in exactly one place, and in the one for their type."""
    if SEGMENT in found.seen:
        raise wire.reject(start, "a tensor is stored in segments")
    if found.location not in {0, _EXTERNAL}:
        raise wire.reject(start, f"data location {found.location} is not known")
    held = sorted(_HOLDS_ELEMENTS & found.seen)
    places = len(held) + (found.raw_bytes is not None) + (found.location == _EXTERNAL)
    if places > 1:
        raise wire.reject(start, "a tensor holds its data more than once")
    if places == 0 and elements:
        raise wire.reject(start, f"a tensor of {elements:,} elements holds no data")
    if held and held != [element.field]:
        raise wire.reject(start, f"elements of {element.name} lie in field {held[0]}; expected is {element.field}")


def _check_entries(wire: Wire, start: int, found: _Fields, element: ElementType, elements: int) -> None:
    packed = found.packed_bytes
    wanted = element.entries(elements) - found.entries
    width = _ENTRY_BYTES.get(_ENTRY_KIND[element.field])
    fits = packed == wanted * width if width else wanted <= packed <= 10 * wanted
    if not fits:
        raise wire.reject(start, f"elements one by one do not fit the shape, which has {elements:,}")


def _check_strings(wire: Wire, start: int, found: _Fields, elements: int) -> int:
    if found.raw_bytes is not None or found.location == _EXTERNAL:
        raise wire.reject(start, "strings are stored as raw or external data")
    if found.strings != elements:
        raise wire.reject(start, f"a tensor has {found.strings:,} strings; its shape gives {elements:,}")
    return found.packed_bytes


def _count_external(wire: Wire, start: int, found: _Fields, stored: int, external: ExternalData) -> None:
    def reject(reason: str) -> InputError:
        return wire.reject(start, reason)

    offset = _number(found.external.get("offset", "0"), reject)
    length = _number(found.external.get("length", str(stored)), reject)
    if length != stored:
        raise reject(f"external data has {length:,} bytes; shape and data type give {stored:,}")
    external.count(found.external.get("location", ""), offset, length, reject)


def _number(text: str, reject: Reject) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise reject("offset or length of external data is no number below 2**63")
    return int(text)
