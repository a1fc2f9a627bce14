"""TensorFlow: a SavedModel folder, or a frozen graph in one `.pb` file.

    SavedModel     signatures of `saved_model.pb`; tensors of `variables/variables.index`. A model without variables
                   has been frozen: then its constants are its tensors
    frozen graph   tensors of its constants, inputs of its placeholders

Weights are not read, and no operation is.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.readers.limits import LIMITS, Limits
from ai_on_eks.descriptors.readers.protobuf_wire import BYTES, VARINT, Wire, signed
from ai_on_eks.descriptors.readers.source import open_source
from ai_on_eks.descriptors.readers.tensorflow_graph import Graph
from ai_on_eks.descriptors.readers.tensorflow_shapes import read_shape, shown
from ai_on_eks.descriptors.readers.tensorflow_variables import INDEX, read_variables
from ai_on_eks.descriptors.readers.types import MetadataValue, WeightHeader
from ai_on_eks.descriptors.readers.window import Window

SAVED_MODEL = "saved_model.pb"
VARIABLES = "variables"
SERVE = "serve"
MAX_GRAPHS = 64
"""Graphs of one SavedModel, each for another use. Published ones have one or two."""

_INTERNAL = "__saved_model_"
"""Signatures with this prefix are the saver's own."""

_META_KINDS = {1: BYTES, 2: BYTES, 5: BYTES}


def read_header(path: Place, limits: Limits = LIMITS) -> WeightHeader:
    """The header of a SavedModel (its folder or its `saved_model.pb`) or of a frozen graph."""
    if path.is_dir():
        path = path / SAVED_MODEL
    with open_source(path) as source:
        wire = Wire(Window(source), limits)
        if path.name == SAVED_MODEL:
            return _saved_model(wire, path)
        graph = Graph(wire)
        graph.read(0, wire.file.size, 0)
    if not graph.constants and not graph.inputs:
        raise wire.reject(0, "the file holds no constant and no input: it is no frozen graph")
    facts = _Facts(wire)
    for name, value in graph.inputs:
        facts.note(f"input.{name}", value, 0)
    _note_constants(facts, graph)
    facts.note("kind", "graph-def", 0)
    return WeightHeader("tensorflow", tuple(graph.constants.by_name()), facts.sorted(), (path.name,))


@dataclass(slots=True)
class _Facts:
    wire: Wire
    values: dict[str, MetadataValue] = field(default_factory=dict)

    def note(self, key: str, value: MetadataValue, at: int) -> None:
        """One fact; a key may come once."""
        if key in self.values:
            raise self.wire.reject(at, f"{key[:80]!a} is given twice")
        if len(self.values) >= self.wire.limits.metadata:
            raise self.wire.reject(at, f"more than {self.wire.limits.metadata:,} facts about the model")
        self.values[key] = value

    def sorted(self) -> dict[str, MetadataValue]:
        """The facts by key."""
        return dict(sorted(self.values.items()))


@dataclass(slots=True)
class _MetaGraph:
    start: int
    end: int
    tags: list[str] = field(default_factory=list)
    version: str = ""


def _saved_model(wire: Wire, path: Place) -> WeightHeader:
    meta = _chosen(wire)
    facts = _Facts(wire)
    facts.note("kind", "saved-model", 0)
    facts.note("tags", tuple(sorted(meta.tags)), 0)
    if meta.version:
        facts.note("tensorflow_version", meta.version, 0)
    graph = Graph(wire)
    graphs = 0
    for number, _, first, last in wire.fields(meta.start, meta.end, 1, _META_KINDS):
        if number == 2:
            graphs += 1
            if graphs > 1:
                raise wire.reject(first, "the model has two graphs for one use")
            graph.read(first, last, 2)
        elif number == 5:
            _signature(wire, first, last, facts)
    _note_constants(facts, graph)
    tensors, files = graph.constants, [path.name]
    folder = path.parent / VARIABLES
    if folder.is_symlink():
        raise refuse("file-not-readable", "is a link; parts of a model are not followed", str(folder), fix="copy it")
    if (folder / INDEX).exists() or (folder / INDEX).is_symlink():
        variables = read_variables(folder, wire.limits)
        facts.note("variables.shards", len(variables.sizes), 0)
        facts.note("variables.shards_absent", sum(size is None for size in variables.sizes), 0)
        files.append(f"{VARIABLES}/{INDEX}")
        tensors = variables.tensors or tensors
    elif graph.variables:
        message = f"is absent, though the graph has {graph.variables:,} variables"
        raise refuse("file-not-found", message, str(folder / INDEX), fix="download the model's 'variables' folder too")
    return WeightHeader("tensorflow", tuple(tensors.by_name()), facts.sorted(), tuple(sorted(files)))


def _chosen(wire: Wire) -> _MetaGraph:
    """The graph for serving; else the first."""
    found: list[_MetaGraph] = []
    for number, _, first, last in wire.fields(0, wire.file.size, 0, {1: VARINT, 2: BYTES}):
        if number == 2:
            if len(found) >= MAX_GRAPHS:
                raise wire.reject(first, f"more than {MAX_GRAPHS} graphs")
            found.append(_meta_graph(wire, first, last))
    if not found:
        raise wire.reject(0, "the file holds no graph: it is no SavedModel")
    return next((meta for meta in found if SERVE in meta.tags), found[0])


def _meta_graph(wire: Wire, start: int, end: int) -> _MetaGraph:
    """Tags (4) and version (5) of the MetaInfoDef (1)."""
    meta = _MetaGraph(start, end)
    for number, _, first, last in wire.fields(start, end, 1, _META_KINDS):
        if number == 1:
            for inner, _, begin, stop in wire.fields(first, last, 2, {4: BYTES, 5: BYTES}):
                if inner == 4:
                    if len(meta.tags) >= MAX_GRAPHS:
                        raise wire.reject(begin, f"a graph has more than {MAX_GRAPHS} tags")
                    meta.tags.append(wire.text(begin, stop, "a tag", 256))
                elif inner == 5:
                    meta.version = wire.text(begin, stop, "the version of TensorFlow", 256)
    return meta


def _signature(wire: Wire, start: int, end: int, facts: _Facts) -> None:
    """An entry of a map: name (1) -> inputs (1) and outputs (2), each a map of names to TensorInfo."""
    name, value = "", None
    for number, _, first, last in wire.fields(start, end, 2, {1: BYTES, 2: BYTES}):
        if number == 1:
            name = wire.text(first, last, "the name of a signature")
        elif number == 2:
            value = first, last
    if value is None or name.startswith(_INTERNAL):
        return
    for number, _, first, last in wire.fields(*value, 3, {1: BYTES, 2: BYTES}):
        if number in {1, 2}:
            key, shape = _port(wire, first, last)
            side = "input" if number == 1 else "output"
            facts.note(f"signature.{name}.{side}.{key}", shape, first)


def _port(wire: Wire, start: int, end: int) -> tuple[str, str]:
    """Name of an input or output, and its TensorInfo: data type (2), shape (3)."""
    name, value = "", "unknown[*]"
    for number, _, first, last in wire.fields(start, end, 4, {1: BYTES, 2: BYTES}):
        if number == 1:
            name = wire.text(first, last, "the name of an input or output")
        elif number == 2:
            data_type, shape = 0, None
            for inner, _, begin, stop in wire.fields(first, last, 5, {2: VARINT, 3: BYTES}):
                if inner == 2:
                    data_type = signed(begin)
                elif inner == 3:
                    shape = read_shape(wire, begin, stop, 6)
            value = shown(wire, first, data_type, shape)
    return name, value


def _note_constants(facts: _Facts, graph: Graph) -> None:
    facts.note("constants", len(graph.constants), 0)
    facts.note("constants.bytes", graph.constants.stored_bytes(), 0)
