"""ONNX files made by the onnx library, read without it."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from readers_mutation import mutations, survive
from readers_protobuf_bytes import number, part, varint

from ai_on_eks.descriptors.readers.onnx import read_header
from ai_on_eks.descriptors.readers.onnx_types import ELEMENT_TYPES
from ai_on_eks.descriptors.readers.types import StoredTensor, WeightHeader
from ai_on_eks.errors import InputError


def model(*initializers: Any, nodes: tuple[Any, ...] = (), **more: Any) -> Any:
    """A model with an input `x` and an output `y`."""
    graph = helper.make_graph(
        nodes or [helper.make_node("Identity", ["x"], ["y"])],
        "main",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT16, ["N", None])],
        list(initializers),
        **more,
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, producer_name="a tool", ir_version=10, opset_imports=opsets)


def array(name: str, *shape: int, dtype: Any = np.float32) -> Any:
    return numpy_helper.from_array(np.zeros(shape, dtype), name)


def saved(folder: Path, made: Any, **how: Any) -> Path:
    path = folder / "model.onnx"
    onnx.save(made, str(path), **how)
    return path


def tensors(header: WeightHeader) -> list[tuple[str, str, tuple[int, ...], int | None]]:
    return [(one.name, one.data_type, one.shape, one.stored_bytes) for one in header.tensors]


def test_given_a_model_when_read_then_tensors_and_facts_are_exact(tmp_path: Path) -> None:
    made = model(array("w", 4, 3), array("ids", 5, dtype=np.int64), array("scale", dtype=np.float16))
    made.metadata_props.add(key="author", value="somebody")
    made.metadata_props.add(key="vocabulary", value="x" * 5_000)
    header = read_header(saved(tmp_path, made))
    assert tensors(header) == [
        ("ids", "int64", (5,), 40),
        ("scale", "float16", (), 2),
        ("w", "float32", (4, 3), 48),
    ]
    assert header.metadata == {
        "input.x": "float32[N,3,224,224]",
        "ir_version": 10,
        "opset": 21,
        "opset.com.microsoft": 1,
        "output.y": "float16[N,?]",
        "producer_name": "a tool",
        "property.author": "somebody",
        "property.vocabulary.length": 5_000,
    }
    assert (header.format, header.files) == ("onnx", ("model.onnx",))
    assert (header.parameters, header.stored_bytes) == (18, 90)


def test_given_each_element_type_when_read_then_the_library_agrees_on_bytes(tmp_path: Path) -> None:
    """Three elements each: types of less than a byte are packed, and the last byte is not full."""
    known = {value: name for name, value in TensorProto.DataType.items() if name != "UNDEFINED"}
    assert set(ELEMENT_TYPES) == set(known)
    for value, element in ELEMENT_TYPES.items():
        if value == TensorProto.STRING:
            continue
        made = TensorProto(name="t", data_type=value, dims=[3], raw_data=bytes(element.raw_bytes(3)))
        onnx.checker.check_tensor(made)
        assert numpy_helper.to_array(made).shape == (3,)
        (tensor,) = read_header(saved(tmp_path, model(made))).tensors
        assert tensor.stored_bytes == len(made.raw_data)


@pytest.mark.parametrize(
    ("name", "values", "stored"),
    [
        ("FLOAT", [1.0, 2.0, 3.0], 12), ("DOUBLE", [1.0, 2.0, 3.0], 24), ("INT32", [1, -1, 2**31 - 1], 12),
        ("INT64", [1, -1, 2**62], 24), ("UINT64", [1, 2, 2**64 - 1], 24), ("UINT32", [1, 2, 3], 12),
        ("INT8", [-128, 0, 127], 3), ("BOOL", [True, False, True], 3), ("FLOAT16", [1.0, 2.0, 3.0], 6),
        ("BFLOAT16", [1.0, 2.0, 3.0], 6), ("FLOAT8E4M3FN", [1.0, 2.0, 3.0], 3), ("INT4", [-8, 0, 7], 2),
        ("UINT4", [0, 7, 15], 2), ("FLOAT4E2M1", [0.5, 1.0, 6.0], 2), ("COMPLEX64", [1j, 2j, 3j], 24),
        ("COMPLEX128", [1j, 2j, 3j], 48), ("STRING", [b"a", b"bcd", b""], 4),
    ],
)  # fmt: skip
def test_given_elements_one_by_one_when_read_then_they_count_at_their_width(
    name: str, values: list[Any], stored: int, tmp_path: Path
) -> None:
    made = helper.make_tensor("t", TensorProto.DataType.Value(name), [3], values)
    assert not made.raw_data
    (tensor,) = read_header(saved(tmp_path, model(made))).tensors
    assert (tensor.shape, tensor.stored_bytes) == ((3,), stored)


def test_given_external_data_when_read_then_it_is_counted_and_not_opened(tmp_path: Path) -> None:
    path = saved(
        tmp_path, model(array("w", 64, 64), array("b", 64)),
        save_as_external_data=True, location="model.onnx.data", size_threshold=0,
    )  # fmt: skip
    data = tmp_path / "model.onnx.data"
    data.chmod(0)
    header = read_header(path)
    assert tensors(header) == [("b", "float32", (64,), 256), ("w", "float32", (64, 64), 16_384)]
    assert {key: value for key, value in header.metadata.items() if key.startswith("external")} == {
        "external_data.absent": 0, "external_data.bytes": 16_640, "external_data.files": 1,
    }  # fmt: skip
    data.unlink()
    before = header.tensors
    header = read_header(path)
    assert header.tensors == before
    assert header.metadata["external_data.absent"] == 1


def test_given_one_file_for_each_tensor_in_a_subfolder_when_read_then_all_are_found(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    made = [external("a", location="weights/a", length="24"), external("b", location="./weights/b", offset="8")]
    (tmp_path / "weights" / "a").write_bytes(bytes(24))
    (tmp_path / "weights" / "b").write_bytes(bytes(32))
    header = read_header(saved(tmp_path, model(*made)))
    assert [one.stored_bytes for one in header.tensors] == [24, 24]
    assert header.metadata["external_data.files"] == 2


def external(name: str = "w", **pairs: str) -> Any:
    """A tensor of 24 bytes that lies in another file."""
    made = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=[2, 3], data_location=TensorProto.EXTERNAL)
    for key, value in pairs.items():
        made.external_data.add(key=key, value=value)
    return made


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("../outside.bin", "leads out of the folder"),
        ("inner/../../outside.bin", "leads out of the folder"),
        ("/etc/passwd", "is absolute"),
        ("C:\\weights.bin", "character that no plain path has"),
        ("inner\\w.bin", "character that no plain path has"),
        ("C:w.bin", "character that no plain path has"),
        ("w.bin:stream", "character that no plain path has"),
        ("a\0b", "character that no plain path has"),
        ("", "without a location"),
        ("inner/", "names a folder"),
        (".", "names a folder"),
        ("/".join(["d"] * 17), "more than 16 folders"),
        ("*/_ORT_MEM_ADDR_/*", "address of memory"),
        ("link.bin", "is a symbolic link"),
        ("linked/w.bin", "no folder of the model, or a link"),
        ("file.bin/w.bin", "no folder of the model, or a link"),
        ("inner", "is not a regular file"),
        ("twice.bin", "second name (hard link)"),
        ("short.bin", "its file has 10 bytes"),
    ],
)
def test_given_external_data_elsewhere_when_read_then_it_is_refused(location: str, reason: str, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside.bin", tmp_path / "model"
    (folder / "inner").mkdir(parents=True)
    outside.write_bytes(bytes(100))
    for name, size in (("file.bin", 100), ("short.bin", 10)):
        (folder / name).write_bytes(bytes(size))
    (folder / "link.bin").symlink_to(outside)
    (folder / "linked").symlink_to(tmp_path)
    os.link(outside, folder / "twice.bin")
    path = saved(folder, model(external(location=location)))
    with pytest.raises(InputError) as caught:
        read_header(path)
    (problem,) = caught.value.problems
    assert problem.code == "weights-malformed"
    assert reason in problem.message


def branch(name: str, *initializers: Any, nodes: tuple[Any, ...] = ()) -> Any:
    output = helper.make_tensor_value_info("out", TensorProto.FLOAT, [2])
    made = nodes or (helper.make_node("Identity", ["w"], ["out"]),)
    return helper.make_graph(list(made), name, [], [output], list(initializers))


def test_given_subgraphs_and_constants_when_read_then_their_tensors_are_named_by_place(tmp_path: Path) -> None:
    inner = helper.make_node(
        "If", ["c"], ["out"], then_branch=branch("t2", array("w", 2)), else_branch=branch("e2", array("w", 3))
    )
    nodes = (
        helper.make_node("Constant", [], ["k"], value=array("", 7)),
        helper.make_node("If", ["c"], ["y"], then_branch=branch("t", array("w", 5)),
                         else_branch=branch("e", array("w", 6), nodes=(inner,))),
    )  # fmt: skip
    header = read_header(saved(tmp_path, model(array("w", 4), nodes=nodes)))
    assert [(one.name, one.shape) for one in header.tensors] == [
        ("node[0].value", (7,)),
        ("node[1].else_branch/node[0].else_branch/w", (3,)),
        ("node[1].else_branch/node[0].then_branch/w", (2,)),
        ("node[1].else_branch/w", (6,)),
        ("node[1].then_branch/w", (5,)),
        ("w", (4,)),
    ]
    assert header.metadata["constants"] == 1


def test_given_loops_inside_loops_when_too_deep_then_refused(tmp_path: Path) -> None:
    inner = branch("last", array("w", 2))
    for _ in range(6):
        inner = branch("more", nodes=(helper.make_node("Loop", ["m", "c"], ["out"], body=inner),))
    path = saved(tmp_path, model(nodes=(helper.make_node("Loop", ["m", "c"], ["y"], body=inner),)))
    with pytest.raises(InputError, match="nested more than 16 deep"):
        read_header(path)


def test_given_a_sparse_initializer_when_read_then_shape_is_the_whole_and_bytes_are_stored(tmp_path: Path) -> None:
    sparse = helper.make_sparse_tensor(array("s", 3), array("s_indices", 3, dtype=np.int64), [10, 20])
    header = read_header(saved(tmp_path, model(sparse_initializer=[sparse])))
    assert header.tensors == (StoredTensor("s", "float32", (10, 20), 3 * 4 + 3 * 8),)
    assert header.metadata["sparse_initializers"] == 1


def test_given_an_old_model_when_initializers_are_inputs_too_then_they_are_no_inputs(tmp_path: Path) -> None:
    made = model(array("w", 4))
    made.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [4]))
    header = read_header(saved(tmp_path, made))
    assert [key for key in header.metadata if key.startswith("input.")] == ["input.x"]


def test_given_other_types_of_inputs_when_read_then_they_are_told(tmp_path: Path) -> None:
    tensor = helper.make_tensor_type_proto(TensorProto.INT64, None)
    made = model()
    for name, kind in {
        "a": helper.make_sequence_type_proto(tensor),
        "b": helper.make_optional_type_proto(tensor),
        "c": helper.make_map_type_proto(TensorProto.STRING, tensor),
        "d": helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, [2]),
    }.items():
        made.graph.input.append(helper.make_value_info(name, kind))
    metadata = read_header(saved(tmp_path, made)).metadata
    assert [metadata[f"input.{name}"] for name in "abcd"] == [
        "sequence(int64[*])", "optional(int64[*])", "map(string,int64[*])", "sparse(float32[2])",
    ]  # fmt: skip


def test_given_functions_when_read_then_their_constants_count(tmp_path: Path) -> None:
    made = model()
    constant = helper.make_node("Constant", [], ["k"], value=array("", 7))
    made.functions.append(helper.make_function("local", "f", [], ["k"], [constant], [helper.make_opsetid("", 21)]))
    header = read_header(saved(tmp_path, made))
    assert [one.name for one in header.tensors] == ["function[0].node[0].value"]


def test_given_a_file_of_two_gigabytes_when_read_then_its_tensor_is_stepped_over(tmp_path: Path) -> None:
    """Sparse on disk: the bytes between the fields exist as a hole only."""
    size = 2**31 - 4_096
    tensor_head = number(1, size // 4) + number(2, 1) + part(8, "w") + varint(9 << 3 | 2) + varint(size)
    graph_head = varint(5 << 3 | 2) + varint(len(tensor_head) + size) + tensor_head
    graph_tail = part(2, "main")
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.write(number(1, 10) + varint(7 << 3 | 2) + varint(len(graph_head) + size + len(graph_tail)) + graph_head)
        file.seek(size, os.SEEK_CUR)
        file.write(graph_tail)
    header = read_header(path)
    assert header.stored_bytes == size


SHAPES = st.lists(st.integers(0, 9), max_size=4)
DTYPES = st.sampled_from([np.float32, np.float16, np.int64, np.int8, np.uint8, np.bool_, np.float64])


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(st.text(min_size=1, max_size=12), st.tuples(SHAPES, DTYPES), max_size=8), st.randoms())
def test_given_any_initializers_when_saved_then_read_back_equal_in_any_order(
    tmp_path: Path, made: dict[str, tuple[list[int], Any]], order: random.Random
) -> None:
    arrays = {name: np.zeros(shape, dtype) for name, (shape, dtype) in made.items()}
    names = list(arrays)
    order.shuffle(names)
    header = read_header(saved(tmp_path, model(*(numpy_helper.from_array(arrays[name], name) for name in names))))
    assert tensors(header) == [
        (name, arrays[name].dtype.name, arrays[name].shape, arrays[name].nbytes) for name in sorted(arrays)
    ]


def test_given_three_thousand_mutations_when_read_then_only_typed_errors(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    nodes = (
        helper.make_node("Constant", [], ["k"], value=array("", 7)),
        helper.make_node("If", ["c"], ["y"], then_branch=branch("t", array("w", 5)), else_branch=branch("e")),
    )
    sparse = helper.make_sparse_tensor(array("s", 3), array("s_indices", 3, dtype=np.int64), [10, 20])
    valid = [
        model(array("w", 4, 3), helper.make_tensor("q", TensorProto.INT4, [3], [1, 2, 3])),
        model(external(location="w.bin", offset="0", length="24")),
        model(nodes=nodes, sparse_initializer=[sparse]),
    ]

    def read(data: bytes) -> WeightHeader:
        path.write_bytes(data)
        return read_header(path)

    answered, refused = survive(read, mutations([one.SerializeToString() for one in valid], 3_000))
    assert answered > 100
    assert refused > 500
