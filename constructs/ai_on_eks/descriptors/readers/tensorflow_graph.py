"""Nodes of a TensorFlow graph that hold tensors, or say what goes in.

    Const         its tensor; named after the node, inside a function `<function>/<node>`
    Placeholder   an input with a data type and, if given, a shape
    VarHandleOp   and the like: a variable, whose value lies elsewhere

A constant with fewer values than elements repeats the last one; it counts with all its elements, as it is loaded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ai_on_eks.descriptors.readers.held_tensors import HeldTensors
from ai_on_eks.descriptors.readers.protobuf_wire import BYTES, FIXED32, FIXED64, VARINT, Wire, signed
from ai_on_eks.descriptors.readers.tensorflow_shapes import element_type, read_known_shape, read_shape, shown
from ai_on_eks.descriptors.readers.tensorflow_types import (
    BOOL_VAL,
    DCOMPLEX_VAL,
    DOUBLE_VAL,
    FLOAT8_VAL,
    FLOAT_VAL,
    HALF_VAL,
    INT64_VAL,
    INT_VAL,
    RESOURCE_VAL,
    SCOMPLEX_VAL,
    STRING_VAL,
    UINT32_VAL,
    UINT64_VAL,
    VARIANT_VAL,
    ElementType,
)
from ai_on_eks.descriptors.readers.types import StoredTensor

_VARIABLES = frozenset({"VarHandleOp", "VariableV2", "Variable"})
_OF_INTEREST = re.compile(rb"\x12(?:\x05Const|\x0bPlaceholder|\x0bVarHandleOp|\x0aVariableV2|\x08Variable)")
"""Field 2 of a node, its operation, as every protobuf library writes it."""

_NODE_KINDS = {1: BYTES, 2: BYTES, 5: BYTES}
_ATTRIBUTE_KINDS = {6: VARINT, 7: BYTES, 8: BYTES}
_TENSOR_KINDS = {
    1: VARINT, 2: BYTES, 4: BYTES, STRING_VAL: BYTES, RESOURCE_VAL: BYTES, VARIANT_VAL: BYTES, FLOAT8_VAL: BYTES,
}  # fmt: skip
_CONTENT = 4
_ENTRY_BYTES = {FLOAT_VAL: 4, SCOMPLEX_VAL: 4, DOUBLE_VAL: 8, DCOMPLEX_VAL: 8, FLOAT8_VAL: 1}
_VARINTS = frozenset({INT_VAL, INT64_VAL, BOOL_VAL, HALF_VAL, UINT32_VAL, UINT64_VAL})
_WHOLE = frozenset({STRING_VAL, RESOURCE_VAL, VARIANT_VAL})
_PER_ELEMENT = {SCOMPLEX_VAL: 2, DCOMPLEX_VAL: 2}
_SINGLE_KIND = {4: FIXED32, 8: FIXED64}


@dataclass(slots=True)
class Graph:
    """What was found in one graph and its functions."""

    wire: Wire
    constants: HeldTensors = field(init=False)
    inputs: list[tuple[str, str]] = field(default_factory=list)
    variables: int = 0

    def __post_init__(self) -> None:
        self.constants = HeldTensors(self.wire.limits, self.wire.reject)

    def read(self, start: int, end: int, depth: int) -> None:
        """Walks a GraphDef: nodes (1) and the library (2) of functions (1)."""
        for number, _, first, last in self.wire.fields(start, end, depth, {1: BYTES, 2: BYTES}):
            if number == 1:
                self._node(first, last, depth + 1, "")
            elif number == 2:
                for inner, _, begin, stop in self.wire.fields(first, last, depth + 1, {1: BYTES}):
                    if inner == 1:
                        self._function(begin, stop, depth + 2)

    def _function(self, start: int, end: int, depth: int) -> None:
        """Signature (1) with the name (1), nodes (3)."""
        wire = self.wire
        if not wire.may_hold(start, end, _OF_INTEREST):
            return
        name = ""
        nodes: list[tuple[int, int]] = []
        for number, _, first, last in wire.fields(start, end, depth, {1: BYTES, 3: BYTES}):
            if number == 1:
                for inner, _, begin, stop in wire.fields(first, last, depth + 1, {1: BYTES}):
                    if inner == 1:
                        name = wire.text(begin, stop, "the name of a function")
            elif number == 3 and wire.may_hold(first, last, _OF_INTEREST):
                nodes.append((first, last))
                if len(nodes) > wire.limits.tensors:
                    raise wire.reject(first, f"a function holds more than {wire.limits.tensors:,} constants")
        for first, last in nodes:
            self._node(first, last, depth + 1, f"{name}/")

    def _node(self, start: int, end: int, depth: int, scope: str) -> None:
        wire = self.wire
        if not wire.may_hold(start, end, _OF_INTEREST):
            return
        name = operation = ""
        attributes: list[tuple[int, int]] = []
        for number, _, first, last in wire.fields(start, end, depth, _NODE_KINDS):
            if number == 1:
                name = wire.text(first, last, "the name of a node")
            elif number == 2:
                operation = wire.text(first, last, "an operation")
            elif number == 5:
                if len(attributes) >= 256:
                    raise wire.reject(first, "a node has more than 256 attributes")
                attributes.append((first, last))
        if operation == "Const":
            self._constant(start, scope + name, attributes, depth + 1)
        elif operation == "Placeholder" and not scope:
            self._placeholder(start, name, attributes, depth + 1)
        elif operation in _VARIABLES:
            self.variables += 1

    def _constant(self, at: int, name: str, attributes: list[tuple[int, int]], depth: int) -> None:
        wire = self.wire
        for start, end in attributes:
            key, value = _map_entry(wire, start, end, depth)
            if key != "value" or value is None:
                continue
            for number, _, first, last in wire.fields(*value, depth + 1, _ATTRIBUTE_KINDS):
                if number == 8:
                    found = _tensor(wire, first, last, depth + 2, name)
                    self.constants.add(at, name, found.data_type, found.shape, found.stored_bytes)
                    return
        raise wire.reject(at, "a constant has no tensor")

    def _placeholder(self, at: int, name: str, attributes: list[tuple[int, int]], depth: int) -> None:
        wire = self.wire
        data_type, shape = 0, None
        for start, end in attributes:
            key, value = _map_entry(wire, start, end, depth)
            if key not in {"dtype", "shape"} or value is None:
                continue
            for number, _, first, last in wire.fields(*value, depth + 1, _ATTRIBUTE_KINDS):
                if number == 6 and key == "dtype":
                    data_type = signed(first)
                elif number == 7 and key == "shape":
                    shape = read_shape(wire, first, last, depth + 2)
        if len(self.inputs) >= wire.limits.metadata:
            raise wire.reject(at, f"more than {wire.limits.metadata:,} inputs")
        self.inputs.append((name, shown(wire, at, data_type, shape)))


def _map_entry(wire: Wire, start: int, end: int, depth: int) -> tuple[str, tuple[int, int] | None]:
    """Key (1) and place of the value (2) of an entry of a map."""
    key, value = "", None
    for number, _, first, last in wire.fields(start, end, depth, {1: BYTES, 2: BYTES}):
        if number == 1:
            key = wire.text(first, last, "the name of an attribute")
        elif number == 2:
            value = first, last
    return key, value


def _tensor(wire: Wire, start: int, end: int, depth: int, name: str) -> StoredTensor:
    """A TensorProto: data type (1), shape (2), content (4) or values one by one."""
    data_type, content = 0, 0
    shape: tuple[int, ...] | None = None
    held: dict[int, int] = {}
    strings = 0
    for number, kind, first, last in wire.fields(start, end, depth, _TENSOR_KINDS):
        if number == 1:
            data_type = signed(first)
        elif number == 2:
            if shape is not None:
                raise wire.reject(first, "a constant has two shapes")
            shape = read_known_shape(wire, first, last, depth + 1)
        elif number == _CONTENT:
            content = last - first
        elif number in _WHOLE:
            held[number] = held.get(number, 0) + 1
            strings += last - first
        elif number in _ENTRY_BYTES or number in _VARINTS:
            held[number] = held.get(number, 0) + _least_entries(wire, number, kind, first, last)
    element = element_type(wire, start, data_type)
    tensor = StoredTensor(name, element.name, shape or (), strings)
    elements = tensor.elements
    most = elements * _PER_ELEMENT.get(element.field, 1)
    if any(number != element.field for number in held):
        raise wire.reject(start, f"values of a constant lie in a field that is not for {element.name}")
    if held.get(element.field, 0) > most:
        raise wire.reject(start, f"a constant has more values than its {elements:,} elements")
    return _sized(wire, start, tensor, element, content)


def _sized(wire: Wire, start: int, tensor: StoredTensor, element: ElementType, content: int) -> StoredTensor:
    if element.width is None:
        return tensor
    stored = tensor.elements * element.width
    if content not in {0, stored}:
        raise wire.reject(start, f"a constant has {content:,} bytes; shape and data type give {stored:,}")
    return StoredTensor(tensor.name, tensor.data_type, tensor.shape, stored)


def _least_entries(wire: Wire, number: int, kind: int, first: int, last: int) -> int:
    """Values in a field; varints are not looked at, so that they are at least a tenth of its bytes."""
    width = _ENTRY_BYTES.get(number)
    if kind == BYTES:
        length = last - first
        if width is not None and length % width:
            raise wire.reject(first, f"values of {width} bytes lie in {length:,} bytes")
        return length // width if width is not None else -(-length // 10)
    if kind != (VARINT if width is None else _SINGLE_KIND.get(width)):
        raise wire.reject(first, f"values have wire type {kind}")
    return 1
