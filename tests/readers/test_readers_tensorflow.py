"""SavedModels and frozen graphs, written byte by byte after TensorFlow's published formats."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers_mutation import mutations, survive
from readers_protobuf_bytes import (
    number,
    part,
    table,
    tf_attribute,
    tf_constant,
    tf_entry,
    tf_folder,
    tf_function,
    tf_graph,
    tf_header,
    tf_meta_graph,
    tf_node,
    tf_port,
    tf_saved_model,
    tf_shape,
    tf_signature,
    tf_tensor,
)

from ai_on_eks.descriptors.readers.tensorflow import read_header
from ai_on_eks.descriptors.readers.types import StoredTensor, WeightHeader
from ai_on_eks.errors import InputError

FLOAT, INT32, STRING, INT64, BFLOAT16, HALF, INT4 = 1, 3, 7, 9, 14, 19, 29

SIGNATURE = tf_signature(
    "serving_default", [tf_port("image", FLOAT, [-1, 224, 224, 3])], [tf_port("scores", FLOAT, [-1, 1_000])]
)
VARIABLE = tf_node("VarHandleOp", "VarHandleOp")
SAVED = tf_saved_model(tf_meta_graph(tf_graph(VARIABLE), [SIGNATURE]))
INDEX = table(
    [
        (b"", tf_header()),
        (b"_CHECKPOINTABLE_OBJECT_GRAPH", tf_entry(STRING, [], 0, 123)),
        (b"layer/bias/.ATTRIBUTES/VARIABLE_VALUE", tf_entry(FLOAT, [10], 123, 40)),
        (b"layer/kernel/.ATTRIBUTES/VARIABLE_VALUE", tf_entry(BFLOAT16, [20, 10], 163, 400)),
        (b"save_counter/.ATTRIBUTES/VARIABLE_VALUE", tf_entry(INT64, [], 563, 8)),
    ]
)
FROZEN = tf_graph(
    tf_node(
        "x", "Placeholder", tf_attribute("dtype", number(6, FLOAT)), tf_attribute("shape", part(7, tf_shape([-1, 4])))
    ),
    tf_constant("w", tf_tensor(FLOAT, [4, 2], part(4, bytes(32)))),
    tf_node("y", "MatMul"),
)  # fmt: skip


def frozen(folder: Path, graph: bytes) -> WeightHeader:
    path = folder / "frozen.pb"
    path.write_bytes(graph)
    return read_header(path)


def test_given_a_saved_model_when_read_then_variables_and_signatures_are_exact(tmp_path: Path) -> None:
    expected = WeightHeader(
        "tensorflow",
        (
            StoredTensor("layer/bias/.ATTRIBUTES/VARIABLE_VALUE", "float32", (10,), 40),
            StoredTensor("layer/kernel/.ATTRIBUTES/VARIABLE_VALUE", "bfloat16", (20, 10), 400),
            StoredTensor("save_counter/.ATTRIBUTES/VARIABLE_VALUE", "int64", (), 8),
        ),
        {
            "constants": 0,
            "constants.bytes": 0,
            "kind": "saved-model",
            "signature.serving_default.input.image": "float32[?,224,224,3]",
            "signature.serving_default.output.scores": "float32[?,1000]",
            "tags": ("serve",),
            "tensorflow_version": "2.21.0",
            "variables.shards": 1,
            "variables.shards_absent": 0,
        },
        ("saved_model.pb", "variables/variables.index"),
    )
    folder = tf_folder(tmp_path, SAVED, INDEX, 571)
    assert read_header(folder) == expected
    assert read_header(folder / "saved_model.pb") == expected


def test_given_no_shards_when_read_then_the_index_alone_tells(tmp_path: Path) -> None:
    header = read_header(tf_folder(tmp_path, SAVED, INDEX))
    assert header.stored_bytes == 448
    assert header.metadata["variables.shards_absent"] == 1


def test_given_several_graphs_when_read_then_the_one_for_serving_counts(tmp_path: Path) -> None:
    train = tf_meta_graph(tf_graph(tf_constant("t", tf_tensor(FLOAT, [], part(4, bytes(4))))), tags=["train"])
    header = read_header(tf_folder(tmp_path, tf_saved_model(train, tf_meta_graph(tf_graph(), [SIGNATURE]))))
    assert header.metadata["tags"] == ("serve",)
    assert header.tensors == ()
    header = read_header(tf_folder(tmp_path, tf_saved_model(train)))
    assert [one.name for one in header.tensors] == ["t"]


def test_given_a_saved_model_without_variables_when_read_then_constants_are_its_tensors(tmp_path: Path) -> None:
    function = tf_function("f", tf_constant("w", tf_tensor(HALF, [2, 3], part(4, bytes(12)))), tf_node("n", "Add"))
    graph = tf_graph(tf_constant("w", tf_tensor(FLOAT, [5], part(4, bytes(20)))), functions=[function])
    header = read_header(tf_folder(tmp_path, tf_saved_model(tf_meta_graph(graph, [SIGNATURE]))))
    assert header.tensors == (StoredTensor("f/w", "float16", (2, 3), 12), StoredTensor("w", "float32", (5,), 20))
    assert (header.metadata["constants"], header.metadata["constants.bytes"]) == (2, 32)


def test_given_variables_in_the_graph_and_no_index_when_read_then_told_to_download_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_header(tf_folder(tmp_path, SAVED))
    (problem,) = caught.value.problems
    assert (problem.code, problem.message) == ("file-not-found", "is absent, though the graph has 1 variables")


def test_given_a_frozen_graph_when_read_then_constants_and_inputs_are_told(tmp_path: Path) -> None:
    header = frozen(tmp_path, FROZEN)
    assert header.tensors == (StoredTensor("w", "float32", (4, 2), 32),)
    assert header.metadata == {
        "constants": 1, "constants.bytes": 32, "input.x": "float32[?,4]", "kind": "graph-def",
    }  # fmt: skip
    assert header.files == ("frozen.pb",)


@pytest.mark.parametrize(
    ("data_type", "values", "name", "stored"),
    [
        (FLOAT, part(5, bytes(24)), "float32", 24),
        (FLOAT, part(5, bytes(4)), "float32", 24),  # one value for all elements
        (FLOAT, b"", "float32", 24),  # none: zeros
        (FLOAT, (b"\x2d" + bytes(4)) * 6, "float32", 24),  # not packed
        (2, part(6, bytes(48)), "float64", 48),
        (INT32, part(7, b"\x01" * 6), "int32", 24),
        (INT32, part(7, b"\xff" * 9 + b"\x01"), "int32", 24),
        (8, part(9, bytes(48)), "complex64", 48),
        (INT64, number(10, -1), "int64", 48),
        (10, part(11, b"\x01"), "bool", 6),
        (18, part(12, bytes(96)), "complex128", 96),
        (HALF, part(13, b"\x01"), "float16", 12),
        (BFLOAT16, part(4, bytes(12)), "bfloat16", 12),
        (INT4, part(4, bytes(6)), "int4", 6),
        (25, part(18, bytes(6)), "float8_e4m3fn", 6),
        (STRING, part(8, "abc") * 6, "string", 18),
    ],
)
def test_given_a_constant_when_read_then_it_counts_as_it_is_loaded(
    data_type: int, values: bytes, name: str, stored: int, tmp_path: Path
) -> None:
    header = frozen(tmp_path, tf_graph(tf_constant("c", tf_tensor(data_type, [2, 3], values))))
    assert header.tensors == (StoredTensor("c", name, (2, 3), stored),)


def test_given_a_partitioned_variable_when_read_then_it_counts_once_and_whole(tmp_path: Path) -> None:
    whole = number(1, FLOAT) + part(2, tf_shape([8, 4])) + part(7, part(1, b"")) * 2
    rows = [
        (b"", tf_header(2)),
        (b"\x00embedding\x00\x01a", tf_entry(FLOAT, [4, 4], 0, 64, shard=0)),
        (b"\x00embedding\x00\x01b", tf_entry(FLOAT, [4, 4], 0, 64, shard=1)),
        (b"embedding", whole),
    ]
    header = read_header(tf_folder(tmp_path, SAVED, table(rows)))
    assert header.tensors == (StoredTensor("embedding", "float32", (8, 4), 128),)
    assert header.metadata["variables.shards"] == 2


def test_given_the_savers_own_signature_when_read_then_it_is_left_out(tmp_path: Path) -> None:
    own = tf_signature("__saved_model_init_op", [], [tf_port("__saved_model_init_op", 0, None)])
    header = read_header(tf_folder(tmp_path, tf_saved_model(tf_meta_graph(tf_graph(), [own, SIGNATURE]))))
    assert len([key for key in header.metadata if key.startswith("signature.")]) == 2


def test_given_a_constant_of_a_gigabyte_when_read_then_it_is_stepped_over(tmp_path: Path) -> None:
    size = 2**30
    path = tmp_path / "frozen.pb"
    small = tf_graph(tf_constant("w", tf_tensor(FLOAT, [1], part(4, bytes(4)))))
    path.write_bytes(small)
    assert read_header(path).stored_bytes == 4
    wide = struct.pack("<B", 0x22) + _varint(size)
    tensor = number(1, FLOAT) + part(2, tf_shape([size // 4])) + wide
    value = _open(8, len(tensor) + size) + tensor
    attribute = part(1, "value") + _open(2, len(value) + size) + value
    node = part(1, "w") + part(2, "Const") + _open(5, len(attribute) + size) + attribute
    with path.open("wb") as file:
        file.write(_open(1, len(node) + size) + node)
        file.truncate(file.tell() + size)
    assert read_header(path).stored_bytes == size


def _varint(value: int) -> bytes:
    return number(1, value)[1:]


def _open(field: int, length: int) -> bytes:
    """The head of a part whose content follows."""
    return bytes([field << 3 | 2]) + _varint(length)


SHAPES = st.lists(st.integers(0, 9), max_size=4)
WIDTHS = {FLOAT: 4, INT64: 8, HALF: 2, BFLOAT16: 2, 6: 1, 2: 8, INT4: 1}
NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=1, max_size=20)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(NAMES, st.tuples(st.sampled_from(sorted(WIDTHS)), SHAPES), max_size=12), st.integers(1, 5))
def test_given_any_variables_when_written_then_read_back(
    tmp_path: Path, made: dict[str, tuple[int, list[int]]], per_block: int
) -> None:
    rows, offset = [(b"", tf_header())], 0
    expected = []
    for name in sorted(made, key=str.encode):
        data_type, shape = made[name]
        size = WIDTHS[data_type]
        for length in shape:
            size *= length
        rows.append((name.encode(), tf_entry(data_type, shape, offset, size)))
        expected.append((name, tuple(shape), size))
        offset += size
    header = read_header(tf_folder(tmp_path, SAVED, table(rows, per_block=per_block), offset))
    assert [(one.name, one.shape, one.stored_bytes) for one in header.tensors] == sorted(expected)


def test_given_three_thousand_damaged_files_when_read_then_only_typed_errors(tmp_path: Path) -> None:
    graph = tf_graph(VARIABLE, tf_constant("c", tf_tensor(FLOAT, [2], part(5, bytes(8)))), functions=[
        tf_function("f", tf_constant("w", tf_tensor(STRING, [2], part(8, "ab") * 2))),
    ])  # fmt: skip
    saved = tf_saved_model(tf_meta_graph(graph, [SIGNATURE]))
    tf_folder(tmp_path, saved, INDEX, 571)

    def read_graph(data: bytes) -> WeightHeader:
        (tmp_path / "saved_model.pb").write_bytes(data)
        return read_header(tmp_path)

    def read_frozen(data: bytes) -> WeightHeader:
        return frozen(tmp_path, data)

    def read_index(data: bytes) -> WeightHeader:
        (tmp_path / "saved_model.pb").write_bytes(saved)
        (tmp_path / "variables" / "variables.index").write_bytes(data)
        return read_header(tmp_path)

    for read, seeds in ((read_graph, [saved, SAVED]), (read_frozen, [FROZEN, graph]), (read_index, [INDEX])):
        answered, refused = survive(read, mutations(seeds, 1_000))
        assert answered > 20
        assert refused > 200
