"""Element types and shapes inside TensorFlow's messages.

TensorShapeProto   dim (2) of size (1, -1 when open) and name (2); unknown_rank (3)
"""

from __future__ import annotations

from ai_on_eks.descriptors.readers.protobuf_wire import BYTES, VARINT, Wire, signed
from ai_on_eks.descriptors.readers.tensorflow_types import ELEMENT_TYPES, ElementType

_SHAPE_KINDS = {2: BYTES, 3: VARINT}


def element_type(wire: Wire, at: int, number: int) -> ElementType:
    """The type with this number."""
    found = ELEMENT_TYPES.get(number)
    if found is None:
        raise wire.reject(at, f"data type {number} is not known")
    return found


def read_shape(wire: Wire, start: int, end: int, depth: int) -> tuple[int, ...] | None:
    """Sizes, -1 where open; None when not even the number of dimensions is known."""
    sizes: list[int] = []
    unknown = False
    for number, _, first, last in wire.fields(start, end, depth, _SHAPE_KINDS):
        if number == 2:
            if len(sizes) >= wire.limits.dimensions:
                raise wire.reject(first, f"a shape has more than {wire.limits.dimensions} dimensions")
            sizes.append(_size(wire, first, last, depth + 1))
        elif number == 3:
            unknown = first != 0
    return None if unknown else tuple(sizes)


def read_known_shape(wire: Wire, start: int, end: int, depth: int) -> tuple[int, ...]:
    """The sizes of a stored tensor, each and together below 2**63."""
    shape = read_shape(wire, start, end, depth)
    if shape is None or -1 in shape:
        raise wire.reject(start, "a stored tensor has an open shape")
    product = 1
    for size in shape:
        product *= max(size, 1)
        if product >= 2**63:
            raise wire.reject(start, "the product of the dimensions is 2**63 or more")
    return shape


def shown(wire: Wire, at: int, data_type: int, shape: tuple[int, ...] | None) -> str:
    """`float32[?,224,224,3]`; `*` for a shape that is not known at all."""
    name = element_type(wire, at, data_type).name if data_type else "unknown"
    sizes = "*" if shape is None else ",".join("?" if size < 0 else str(size) for size in shape)
    return f"{name}[{sizes}]"


def _size(wire: Wire, start: int, end: int, depth: int) -> int:
    size = 0
    for number, _, first, _ in wire.fields(start, end, depth, {1: VARINT, 2: BYTES}):
        if number == 1:
            size = signed(first)
            if size < -1:
                raise wire.reject(first, f"a dimension is {size}")
    return size
