"""Builders of the files that `benchmarks.fuzz.worst` reads: as many of everything as the limits allow, and one more."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from itertools import chain

import readers_gguf_bytes as gguf_bytes
import readers_protobuf_bytes as proto
import readers_safetensors_bytes as st

from ai_on_eks.descriptors.readers import gguf, gguf_values, protobuf_wire, safetensors_header, zip_directory
from ai_on_eks.descriptors.readers.limits import LIMITS

LONGEST = (LIMITS.text_bytes - 2**20) // LIMITS.tensors
"""Letters of a name when all have as many; a little is left for shapes."""

NAME = "model.layers.{}.mlp.experts.{}.gate_proj.weight_scale"


def _names(count: int) -> list[str]:
    return [NAME.format(number * 7 % 61, number) for number in range(count)]


# safetensors


def many_tensors(
    count: int = LIMITS.tensors, *, turned: bool = False, escaped: bool = False, letters: int = 0
) -> bytes:
    """`letters`: the least length of a name."""
    entries = []
    for number, short in enumerate(_names(count)):
        name = short.ljust(letters, "_")
        place = count - 1 - number if turned else number
        shape = [1] * (number % 8) if turned else [1]
        written = name.replace("m", "\\u006d", 1) if escaped else name
        entries.append(f'"{written}":{{"dtype":"U8","shape":{json.dumps(shape)},"data_offsets":[{place},{place + 1}]}}')
    return st.framed(("{" + ",".join(entries) + "}").encode(), count)


def distinct_layouts(count: int = 120_000) -> bytes:
    """As many as a header of the longest has room for."""
    entries, end = [], 0
    for number, name in enumerate(_names(count)):
        shape = [0, *(10**17 + 7 * number + place for place in range(7))]
        entries.append(f'"{name}":{{"dtype":"U8","shape":{json.dumps(shape)},"data_offsets":[0,0]}}')
    return st.framed(("{" + ",".join(entries) + "}").encode(), end)


def many_keys() -> bytes:
    return st.file({}, 0, {f"k{number}": "" for number in range(LIMITS.metadata)})


def escapes() -> bytes:
    text = b"\\n" * (LIMITS.string_bytes // 2 - 8)
    return st.framed(b'{"__metadata__":{' + b",".join(b'"%d":"%b"' % (n, text) for n in range(3)) + b"}}")


def long_text(piece: bytes) -> Callable[[], bytes]:
    def build() -> bytes:
        texts = LIMITS.header_bytes // LIMITS.string_bytes
        text = piece * ((LIMITS.string_bytes - 64) // len(piece))
        return st.framed(b'{"__metadata__":{' + b",".join(b'"%d":"%b"' % (n, text) for n in range(texts)) + b"}}")

    return build


def middling_texts(piece: bytes, each: int) -> Callable[[], bytes]:
    def build() -> bytes:
        count = (LIMITS.header_bytes - 100) // (each + 20)
        text = piece * (each // len(piece))
        return st.framed(b'{"__metadata__":{' + b",".join(b'"%d":"%b"' % (n, text) for n in range(count)) + b"}}")

    return build


def white_space() -> bytes:
    return st.framed(b"{" + b" " * (LIMITS.header_bytes - 2) + b"}")


def index_of(count: int = LIMITS.model_tensors, *, escaped: bool = False) -> Callable[[], bytes]:
    def build() -> bytes:
        places = {name: f"m-{number % 200:03d}.safetensors" for number, name in enumerate(_names(count))}
        text = json.dumps({"weight_map": places}, separators=(",", ":"))
        return (text.replace('"m', '"\\u006d') if escaped else text).encode()

    return build


# gguf


def gguf_tensors(sizes: tuple[int, ...] = (1, 1, 1, 1), *, turned: bool = False) -> bytes:
    count = gguf.MOST_TENSORS
    names = _names(count)
    places = [(count - 1 - n if turned else n) * 32 for n in range(count)]
    tensors = [gguf_bytes.Tensor(name, sizes, 0, place) for name, place in zip(names, places, strict=True)]
    return gguf_bytes.gguf([], tensors, data=count * 32)


def gguf_pairs() -> bytes:
    return gguf_bytes.gguf([gguf_bytes.scalar(f"k{n}", gguf_bytes.U32, n) for n in range(LIMITS.metadata)])


def gguf_kept_lists(kind: int, value: object) -> Callable[[], bytes]:
    def build() -> bytes:
        return gguf_bytes.gguf([gguf_bytes.numbers(f"k{n}", kind, [value] * 512) for n in range(LIMITS.metadata)])

    return build


def gguf_kept_texts() -> bytes:
    return gguf_bytes.gguf(
        [gguf_bytes.texts(f"k{n}", [f"{m}" for m in range(512)]) for n in range(LIMITS.strings // 512)]
    )


def gguf_vocabulary(length: int) -> Callable[[], bytes]:
    def build() -> bytes:
        member = struct.pack("<Q", length) + b"t" * length
        return gguf_bytes.gguf([gguf_bytes.array("tokens", gguf_bytes.TEXT, member * LIMITS.strings, LIMITS.strings)])

    return build


def gguf_lists() -> bytes:
    member = struct.pack("<IQ", gguf_bytes.U8, 1) + b"a"
    most = gguf_values.MOST_LISTS
    return gguf_bytes.gguf([gguf_bytes.array("k", gguf_bytes.LIST, member * most, most)])


# protobuf


def onnx_initializers(extra: bytes = b"") -> Callable[[], bytes]:
    def build() -> bytes:
        body = proto.number(1, 1) * 8 + proto.number(2, 1) + extra + proto.part(9, bytes(4))
        return proto.part(7, b"".join(proto.part(5, proto.part(8, name) + body) for name in _names(LIMITS.tensors)))

    return build


def onnx_fields() -> bytes:
    return proto.part(7, proto.number(99, 2**63) * protobuf_wire.MAX_FIELDS)


def onnx_inputs() -> bytes:
    shape = proto.part(2, b"".join(proto.part(1, proto.part(2, f"d{n}")) for n in range(8)))
    ports = (
        proto.part(1, f"x{n}") + proto.part(2, proto.part(1, proto.number(1, 1) + shape))
        for n in range(LIMITS.metadata)
    )
    return proto.part(7, b"".join(proto.part(11, port) for port in ports))


def onnx_long_scope() -> bytes:
    """One long name of an attribute in front of the name of each tensor in it."""
    tensor = proto.part(5, proto.part(8, "w") + proto.number(1, 1) + proto.number(2, 1) + proto.part(9, bytes(4)))
    attribute = proto.part(5, proto.part(1, "s" * 4_000) + proto.part(6, tensor * 100_000))
    return proto.part(7, proto.part(1, attribute))


def onnx_shapes() -> bytes:
    def dims(number: int) -> bytes:
        return proto.part(1, b"".join(proto.varint(size) for size in (0, *(300 + number % 7 + n for n in range(7)))))

    body = proto.number(2, 1) + proto.part(9, b"")
    named = enumerate(_names(LIMITS.tensors))
    return proto.part(7, b"".join(proto.part(5, proto.part(8, name) + dims(number) + body) for number, name in named))


def onnx_nodes() -> bytes:
    attribute = proto.part(5, proto.part(1, "axis") + proto.number(3, 1))
    node = proto.part(1, proto.part(1, "a") + proto.part(4, "Concat") + attribute * 3)
    return proto.part(7, node * 250_000)


def onnx_dull_nodes() -> bytes:
    return proto.part(7, proto.part(1, b"\x0a\x01a" * 300) * protobuf_wire.MAX_FIELDS)


def onnx_external() -> bytes:
    def pair(key: str, value: str) -> bytes:
        return proto.part(13, proto.part(1, key) + proto.part(2, value))

    tensors = []
    for number, name in enumerate(_names(LIMITS.tensors)):
        place = pair("location", f"{'a/' * 15}{number % LIMITS.files}") + pair("offset", "0") + pair("length", "4")
        tensors.append(
            proto.part(5, proto.part(8, name) + proto.number(1, 1) + proto.number(2, 1) + proto.number(14, 1) + place)
        )
    return proto.part(7, b"".join(tensors))


def tensorflow_constants() -> bytes:
    tensor = proto.tf_tensor(1, (1,) * 8, proto.part(4, bytes(4)))
    return proto.tf_graph(*(proto.tf_constant(name, tensor) for name in _names(LIMITS.tensors)))


def tensorflow_long_scope() -> bytes:
    """One long name of a function in front of the name of each constant in it."""
    constant = proto.tf_constant("c", proto.tf_tensor(1, (1,), proto.part(4, bytes(4))))
    return proto.tf_graph(functions=[proto.tf_function("f" * 4_000, *([constant] * 70_000))])


def tensorflow_placeholders() -> bytes:
    shape = proto.part(7, proto.tf_shape((1,) * 8))
    kind = proto.tf_attribute("dtype", proto.number(6, 1))
    ports = (
        proto.tf_node(f"x{n}", "Placeholder", kind, proto.tf_attribute("shape", shape)) for n in range(LIMITS.metadata)
    )
    return proto.tf_graph(*ports)


def tensorflow_nodes() -> bytes:
    node = proto.part(1, proto.tf_node("a" * 30, "AddV2", proto.tf_attribute("T", proto.number(6, 1))) * 6)
    return node * protobuf_wire.MAX_FIELDS


def tensorflow_variables() -> bytes:
    count = LIMITS.tensors
    rows = [
        (name.encode(), proto.tf_entry(1, (1,) * 8, 4 * number, 4)) for number, name in enumerate(sorted(_names(count)))
    ]
    return _table([(b"", proto.tf_header()), *rows])


def tensorflow_long_keys() -> bytes:
    stem = b"k" * 4_000
    rows = [(stem + b"%07d" % number, proto.tf_entry(1, (), 4 * number, 4)) for number in range(LIMITS.tensors)]
    return _table([(b"", proto.tf_header()), *rows])


def tensorflow_slices() -> bytes:
    rows = [(b"\0%07d" % number, b"") for number in range(protobuf_wire.MAX_FIELDS)]
    return _table([(b"", proto.tf_header()), *rows])


def tensorflow_shards() -> bytes:
    return _table([(b"", proto.tf_header(LIMITS.files))])


def _table(rows: list[tuple[bytes, bytes]], per_block: int = 64) -> bytes:
    """As `proto.table`, in time that does not grow with the square."""
    blocks, index, size = [], [], 0
    for first in range(0, len(rows), per_block):
        block = proto.table_block(rows[first : first + per_block])
        index.append((rows[min(first + per_block, len(rows)) - 1][0], proto.varint(size) + proto.varint(len(block))))
        blocks += [block, bytes(5)]
        size += len(block) + 5
    return proto.with_footer(b"".join(blocks), proto.table_block(index, share=False))


# zip


def zip_entries(top: str = "archive/data/", extra: bytes = b"") -> Callable[[], bytes]:
    def build() -> bytes:
        count = min(LIMITS.tensors, zip_directory.MAX_ENTRIES)
        names = [b"archive/data.pkl", *(f"{top}{number}".encode() for number in range(count - 1))]
        locals_: list[bytes] = []
        directory: list[bytes] = []
        at = 0
        for name in reversed(names):
            local = struct.pack("<4s5H3L2H", b"PK\x03\x04", 45, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
            wide = extra or struct.pack("<2H1Q", 1, 8, at)
            shown = at if extra else 2**32 - 1
            head = struct.pack(
                "<4s6H3L5H2L", b"PK\x01\x02", 45, 45, 0, 0, 0, 0, 0, 0, 0, len(name), len(wide), 0, 0, 0, 0, shown
            )
            locals_.append(local)
            directory.append(head + name + wide)
            at += len(local)
        middle = b"".join(directory)
        end64 = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(middle), at)
        locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at + len(middle), 1)
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
        return b"".join(locals_) + middle + end64 + locator + end

    return build


def zip_false_ends() -> bytes:
    return b"x" * 100 + b"PK\x05\x06" * 16_384


# documents


def json_values(piece: str, count: int = 100_000) -> Callable[[], bytes]:
    def build() -> bytes:
        return ("[" + ",".join(chain.from_iterable([piece] for _ in range(count))) + "]").encode()

    return build


def json_keys(count: int) -> Callable[[], bytes]:
    return lambda: json.dumps({f"k{number}": number for number in range(count)}).encode()


def json_text(piece: bytes, size: int) -> Callable[[], bytes]:
    return lambda: b'["' + piece * ((size - 4) // len(piece)) + b'"]'


def yaml_of(piece: bytes, size: int, before: bytes = b"") -> Callable[[], bytes]:
    return lambda: before + piece * ((size - len(before)) // len(piece))


FILES: dict[str, dict[str, Callable[[], bytes]]] = {
    "safetensors": {
        "tensors": many_tensors,
        "tensors in reverse, many shapes": lambda: many_tensors(turned=True),
        "tensors in reverse, longest names": lambda: many_tensors(turned=True, letters=LONGEST),
        "names with an escape": lambda: many_tensors(safetensors_header.UNUSUAL_TENSORS, escaped=True),
        "a layout for each tensor": distinct_layouts,
        "metadata keys": many_keys,
        "long texts": long_text(b"x"),
        "long texts of escapes": long_text(b"\\n"),
        "long texts of two bytes a letter": long_text("é".encode()),
        "texts of 64 KiB": middling_texts(b"x", 65_000),
        "texts of 64 KiB of escapes": middling_texts(b"\\n", 65_000),
        "short texts of escapes": middling_texts(b"\\n", 20),
        "white space": white_space,
    },
    "safetensors-index": {"tensors": index_of(), "escaped names": index_of(1_000, escaped=True)},
    "gguf": {
        "tensors": gguf_tensors,
        "tensors in reverse": lambda: gguf_tensors(turned=True),
        "pairs": gguf_pairs,
        "lists of numbers": gguf_kept_lists(gguf_bytes.U8, 1),
        "lists of floats": gguf_kept_lists(gguf_bytes.F64, 1.5),
        "lists of texts": gguf_kept_texts,
        "a vocabulary of empty texts": gguf_vocabulary(0),
        "a vocabulary of 8 letters": gguf_vocabulary(8),
        "lists of lists": gguf_lists,
    },
    "onnx": {
        "initializers": onnx_initializers(),
        "fields": onnx_fields,
        "inputs": onnx_inputs,
        "nodes with attributes": onnx_nodes,
        "nodes without": onnx_dull_nodes,
        "external data": onnx_external,
        "a long scope": onnx_long_scope,
        "shapes of 8 dimensions": onnx_shapes,
    },
    "pytorch": {
        "entries": zip_entries(),
        "entries with extra data": zip_entries(extra=struct.pack("<2H", 9, 0) * 100),
        "false ends": zip_false_ends,
    },
    "tensorflow-graph": {
        "constants": tensorflow_constants,
        "placeholders": tensorflow_placeholders,
        "nodes": tensorflow_nodes,
        "a long scope": tensorflow_long_scope,
    },
    "tensorflow-variables": {
        "variables": tensorflow_variables,
        "long keys": tensorflow_long_keys,
        "slices": tensorflow_slices,
        "shards": tensorflow_shards,
    },
    "json": {
        "numbers": json_values("1"),
        "floats": json_values("1.5e9"),
        "keys": json_keys(49_000),
        "objects": json_values("{}", 49_000),
        "a text": json_text(b"x", 8 * 2**20),
        "a text of escapes": json_text(b"\\n", 8 * 2**20),
        "a text of escaped letters": json_text(b"\\u00e9", 8 * 2**20),
        "long numbers": json_values("1" * 80, 99_000),
    },
    "yaml": {
        "list": yaml_of(b"- 1\n", 2**20),
        "mapping": lambda: b"".join(b"k%d: 1\n" % number for number in range(49_000)),
        "flow": yaml_of(b"1,", 2**20, b"["),
        "empty values": yaml_of(b"-\n", 2**20),
        "line breaks": yaml_of(b"\n", 2**20, b"a: 1"),
        "plain text": yaml_of(b"a ", 2**20),
        "quoted escapes": lambda: b'"' + b"\\n" * (2**19 - 2) + b'"',
        "comments": yaml_of(b"#\n", 2**20, b"a: 1\n"),
        "brackets": yaml_of(b"[", 2**20),
        "question marks": yaml_of(b"? ", 2**20),
        "long key": yaml_of(b"a", 2**20),
    },
}
