"""Types of an ONNX model's inputs and outputs as text: `float32[batch,3,224,224]`.

?    a dimension without a size or a name
*    a shape that is not given at all
"""

from __future__ import annotations

from ai_on_eks.descriptors.readers.onnx_types import ELEMENT_TYPES
from ai_on_eks.descriptors.readers.protobuf_wire import BYTES, VARINT, Wire, signed

TENSOR, SEQUENCE, MAP, OPAQUE, SPARSE, OPTIONAL = 1, 4, 5, 7, 8, 9
_KINDS = dict.fromkeys((TENSOR, SEQUENCE, MAP, OPAQUE, SPARSE, OPTIONAL), BYTES)


def read_value(wire: Wire, start: int, end: int, depth: int) -> tuple[str, str]:
    """Name and type of a ValueInfoProto."""
    name, shown = "", "unknown"
    for number, _, first, last in wire.fields(start, end, depth, {1: BYTES, 2: BYTES}):
        if number == 1:
            name = wire.text(first, last, "the name of an input or output")
        elif number == 2:
            shown = _type(wire, first, last, depth + 1)
    return name, shown


def _type(wire: Wire, start: int, end: int, depth: int) -> str:
    shown = "unknown"
    for number, _, first, last in wire.fields(start, end, depth, _KINDS):
        if number == TENSOR:
            shown = _tensor(wire, first, last, depth + 1)
        elif number == SPARSE:
            shown = f"sparse({_tensor(wire, first, last, depth + 1)})"
        elif number == SEQUENCE:
            shown = f"sequence({_element(wire, first, last, depth + 1)})"
        elif number == OPTIONAL:
            shown = f"optional({_element(wire, first, last, depth + 1)})"
        elif number == MAP:
            shown = _map(wire, first, last, depth + 1)
        elif number == OPAQUE:
            shown = "opaque"
    return shown


def _tensor(wire: Wire, start: int, end: int, depth: int) -> str:
    data_type, shape = 0, "*"
    for number, _, first, last in wire.fields(start, end, depth, {1: VARINT, 2: BYTES}):
        if number == 1:
            data_type = signed(first)
        elif number == 2:
            shape = _shape(wire, first, last, depth + 1)
    return f"{_name(wire, start, data_type)}[{shape}]"


def _element(wire: Wire, start: int, end: int, depth: int) -> str:
    shown = "unknown"
    for number, _, first, last in wire.fields(start, end, depth, {1: BYTES}):
        if number == 1:
            shown = _type(wire, first, last, depth + 1)
    return shown


def _map(wire: Wire, start: int, end: int, depth: int) -> str:
    key, value = "unknown", "unknown"
    for number, _, first, last in wire.fields(start, end, depth, {1: VARINT, 2: BYTES}):
        if number == 1:
            key = _name(wire, start, signed(first))
        elif number == 2:
            value = _type(wire, first, last, depth + 1)
    return f"map({key},{value})"


def _shape(wire: Wire, start: int, end: int, depth: int) -> str:
    dims: list[str] = []
    for number, _, first, last in wire.fields(start, end, depth, {1: BYTES}):
        if number == 1:
            if len(dims) >= wire.limits.dimensions:
                raise wire.reject(first, f"an input or output has more than {wire.limits.dimensions} dimensions")
            dims.append(_dimension(wire, first, last, depth + 1))
    return ",".join(dims)


def _dimension(wire: Wire, start: int, end: int, depth: int) -> str:
    shown = "?"
    for number, _, first, last in wire.fields(start, end, depth, {1: VARINT, 2: BYTES}):
        if number == 1:
            size = signed(first)
            shown = str(size) if size >= 0 else "?"  # some exporters write -1 for an open size
        elif number == 2:
            shown = wire.text(first, last, "the name of a dimension", 256) or "?"
    return shown


def _name(wire: Wire, start: int, data_type: int) -> str:
    if data_type == 0:
        return "unknown"
    if data_type not in ELEMENT_TYPES:
        raise wire.reject(start, f"an input or output has the unknown data type {data_type}")
    return ELEMENT_TYPES[data_type].name
