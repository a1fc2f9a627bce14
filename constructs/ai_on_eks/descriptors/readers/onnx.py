"""ONNX: the initializers of a model's graphs, without its nodes' meaning and without a byte of a tensor.

    tensors     initializers of the graph, and tensors that nodes carry as attributes: exporters keep weights in both
    subgraphs   of If, Loop, Scan; their tensors are named after the node: `node[12].then_branch/weight`
    inputs      those that are not initializers; before IR version 4 every initializer was an input too

Element types of whole bytes are named as numpy does (`float32`), the others as ONNX does, in lower case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.readers.held_tensors import HeldTensors
from ai_on_eks.descriptors.readers.limits import LIMITS, Limits
from ai_on_eks.descriptors.readers.onnx_external import ExternalData
from ai_on_eks.descriptors.readers.onnx_tensors import read_pair, read_sparse, read_tensor
from ai_on_eks.descriptors.readers.onnx_values import read_value
from ai_on_eks.descriptors.readers.protobuf_wire import BYTES, VARINT, Wire, signed
from ai_on_eks.descriptors.readers.source import open_source
from ai_on_eks.descriptors.readers.types import MetadataValue, StoredTensor, WeightHeader
from ai_on_eks.descriptors.readers.window import Window

MAX_VALUE_BYTES = 4_096
"""A longer value of the model's own metadata, such as a vocabulary, is left out and its length kept."""

MAX_HELD = 4_096
"""Tensors and graphs in one attribute. Published models have one each; a control-flow operator has two."""

_NODE_ATTRIBUTE = 5
_HAS_ATTRIBUTE = re.compile(b"\\x2a")
"""The tag of an attribute in a node."""

_HAS_TENSOR = re.compile(b"[\\x2a\\x32\\x52\\x5a]|[\\xb2\\xba]\\x01")
"""Tags of tensors, graphs and sparse tensors in an attribute: fields 5, 6, 10, 11, 22 and 23. Most hold numbers."""

_MODEL_KINDS = {1: VARINT, 2: BYTES, 3: BYTES, 4: BYTES, 5: VARINT, 7: BYTES, 8: BYTES, 14: BYTES, 25: BYTES}
_MODEL_NUMBERS = {1: "ir_version", 5: "model_version"}
_MODEL_TEXTS = {2: "producer_name", 3: "producer_version", 4: "domain"}
_GRAPH_KINDS = {1: BYTES, 5: BYTES, 11: BYTES, 12: BYTES, 15: BYTES}
_ATTRIBUTE_KINDS = {1: BYTES, 5: BYTES, 6: BYTES, 10: BYTES, 11: BYTES, 22: BYTES, 23: BYTES}


def read_header(path: Place, limits: Limits = LIMITS) -> WeightHeader:
    """The header of a `.onnx` file."""
    with open_source(path) as source, ExternalData(path.parent, limits) as external:
        wire = Wire(Window(source), limits)
        reader = _Reader(wire, external, HeldTensors(limits, wire.reject))
        reader.model()
        return reader.header(path.name)


@dataclass(slots=True)
class _Reader:
    wire: Wire
    external: ExternalData
    tensors: HeldTensors
    metadata: dict[str, MetadataValue] = field(default_factory=dict)
    inputs: list[tuple[str, str]] = field(default_factory=list)
    constants: int = 0
    sparse: int = 0

    def model(self) -> None:
        """Walks the ModelProto."""
        wire = self.wire
        graph: tuple[int, int] | None = None
        functions = 0
        for number, _, first, last in wire.fields(0, wire.file.size, 0, _MODEL_KINDS):
            if number in _MODEL_NUMBERS:
                self._note(_MODEL_NUMBERS[number], signed(first), first)
            elif number in _MODEL_TEXTS:
                self._note(_MODEL_TEXTS[number], wire.text(first, last, "a fact about the model"), first)
            elif number == 7:
                if graph is not None:
                    raise wire.reject(first, "the model has two graphs")
                graph = first, last
                self._graph(first, last, 1, "", top=True)
            elif number == 8:
                self._opset(first, last)
            elif number == 14:
                self._property(first, last)
            elif number == 25:
                self._function(first, last, f"function[{functions}].")
                functions += 1
        if graph is None:
            raise wire.reject(wire.file.size, "the file holds no graph: it is no ONNX model")

    def header(self, name: str) -> WeightHeader:
        """All that was found."""
        tensors = self.tensors.by_name()
        names = {tensor.name for tensor in tensors} if self.inputs else set()
        for key, shown in self.inputs:
            if key not in names:
                self._note(f"input.{key}", shown, 0)
        if self.constants:
            self.metadata["constants"] = self.constants
        if self.sparse:
            self.metadata["sparse_initializers"] = self.sparse
        if self.external.sizes:
            sizes = self.external.sizes
            self.metadata["external_data.bytes"] = self.external.stored_bytes
            self.metadata["external_data.files"] = len(sizes)
            self.metadata["external_data.absent"] = sum(size is None for size in sizes.values())
        return WeightHeader("onnx", tuple(tensors), dict(sorted(self.metadata.items())), (name,))

    def _graph(self, start: int, end: int, depth: int, scope: str, *, top: bool = False) -> None:
        wire = self.wire
        nodes = 0
        for number, _, first, last in wire.fields(start, end, depth, _GRAPH_KINDS):
            if number == 1:
                self._node(first, last, depth + 1, f"{scope}node[{nodes}].")
                nodes += 1
            elif number == 5:
                self._add(first, read_tensor(wire, first, last, depth + 1, self.external)[0], scope)
            elif number == 15:
                self._add(first, read_sparse(wire, first, last, depth + 1, self.external), scope)
                self.sparse += 1
            elif number == 11 and top:
                if len(self.inputs) >= wire.limits.metadata:
                    raise wire.reject(first, f"more than {wire.limits.metadata:,} inputs")
                self.inputs.append(read_value(wire, first, last, depth + 1))
            elif number == 12 and top:
                name, shown = read_value(wire, first, last, depth + 1)
                self._note(f"output.{name}", shown, first)

    def _node(self, start: int, end: int, depth: int, scope: str) -> None:
        """Attributes alone matter, and most nodes of a large graph have none."""
        wire = self.wire
        if not wire.may_hold(start, end, _HAS_ATTRIBUTE):
            return
        for number, _, first, last in wire.fields(start, end, depth, {_NODE_ATTRIBUTE: BYTES}):
            if number == _NODE_ATTRIBUTE and wire.may_hold(first, last, _HAS_TENSOR):
                self._attribute(first, last, depth + 1, scope)

    def _attribute(self, start: int, end: int, depth: int, scope: str) -> None:
        wire = self.wire
        name = ""
        held: list[tuple[int, int, int]] = []
        for number, _, first, last in wire.fields(start, end, depth, _ATTRIBUTE_KINDS):
            if number == 1:
                name = wire.text(first, last, "the name of an attribute")
            elif number in _ATTRIBUTE_KINDS:
                if len(held) >= MAX_HELD:
                    raise wire.reject(first, f"an attribute holds more than {MAX_HELD:,} tensors and graphs")
                held.append((number, first, last))
        for index, (number, first, last) in enumerate(held):
            label = f"{scope}{name}" if number in {5, 6, 22} else f"{scope}{name}[{index}]"
            if number in {6, 11}:
                self._graph(first, last, depth + 1, f"{label}/")
            elif number in {5, 10}:
                self._constant(first, read_tensor(wire, first, last, depth + 1, self.external)[0], label)
            else:
                self._constant(first, read_sparse(wire, first, last, depth + 1, self.external), label)

    def _function(self, start: int, end: int, scope: str) -> None:
        nodes = 0
        for number, _, first, last in self.wire.fields(start, end, 1, {7: BYTES}):
            if number == 7:
                self._node(first, last, 2, f"{scope}node[{nodes}].")
                nodes += 1

    def _opset(self, start: int, end: int) -> None:
        domain, version = "", 0
        for number, _, first, last in self.wire.fields(start, end, 1, {1: BYTES, 2: VARINT}):
            if number == 1:
                domain = self.wire.text(first, last, "the domain of an operator set")
            elif number == 2:
                version = signed(first)
        self._note(f"opset.{domain}" if domain else "opset", version, start)

    def _property(self, start: int, end: int) -> None:
        key, value, length = read_pair(self.wire, start, end, 1, MAX_VALUE_BYTES)
        if value is None:
            self._note(f"property.{key}.length", length, start)
        else:
            self._note(f"property.{key}", value, start)

    def _constant(self, offset: int, tensor: StoredTensor, label: str) -> None:
        self.constants += 1
        self._hold(offset, label, tensor)

    def _add(self, offset: int, tensor: StoredTensor, scope: str) -> None:
        if not tensor.name:
            raise self.wire.reject(offset, "an initializer has no name")
        self._hold(offset, scope + tensor.name, tensor)

    def _hold(self, offset: int, name: str, tensor: StoredTensor) -> None:
        self.tensors.add(offset, name, tensor.data_type, tensor.shape, tensor.stored_bytes)

    def _note(self, key: str, value: MetadataValue, offset: int) -> None:
        if key in self.metadata:
            raise self.wire.reject(offset, f"{_shown(key)} is given twice")
        if len(self.metadata) >= self.wire.limits.metadata:
            raise self.wire.reject(offset, f"more than {self.wire.limits.metadata:,} facts about the model")
        self.metadata[key] = value


def _shown(name: str) -> str:
    """A name of the file in a message: short, and without what would break a line or a terminal."""
    return ascii(name if len(name) <= 80 else f"{name[:77]}...")
