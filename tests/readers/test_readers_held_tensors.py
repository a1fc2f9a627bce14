"""What tensors take in memory is paid for before they are held, whatever the format and whatever makes them heavy."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from msgspec.structs import replace
from readers_mutation import BytesSource
from readers_protobuf_bytes import number, part, tf_constant, tf_function, tf_graph, tf_tensor

from ai_on_eks.descriptors.readers import onnx, tensorflow
from ai_on_eks.descriptors.readers.held_tensors import REMEMBERED_SHAPES, HeldTensors
from ai_on_eks.descriptors.readers.limits import LIMITS, malformed
from ai_on_eks.descriptors.readers.safetensors_header import read_part
from ai_on_eks.errors import InputError
from benchmarks.fuzz.worst_files import many_tensors

MIB = 2**20


def held(**limits: int) -> HeldTensors:
    return HeldTensors(replace(LIMITS, **limits), lambda offset, reason: malformed("model", offset, reason))


def test_given_tensors_when_held_then_sorted_by_name_with_their_places_and_shapes_shared() -> None:
    tensors = held()
    for index, name in enumerate("cab"):
        tensors.add(10 * index, name, "f32", (2, index % 2), 8)
    assert [tensor.name for tensor in tensors.by_name()] == ["a", "b", "c"]
    assert tensors.entry(1) == 10
    assert len(tensors) == 3
    assert tensors.stored_bytes() == 24
    first, second = (tensor for tensor in tensors.by_name() if tensor.shape == (2, 0))
    assert first.shape is second.shape


def test_given_two_equal_names_when_sorted_then_refused_at_the_second() -> None:
    tensors = held()
    for offset, name in ((5, "b"), (6, "a"), (7, "b")):
        tensors.add(offset, name, "f32", (), 4)
    with pytest.raises(InputError, match="at byte 7: two tensors have the same name"):
        tensors.by_name()


def test_given_a_shape_of_its_own_for_each_when_held_then_each_is_paid_for() -> None:
    def count(*, same: bool) -> int:
        tensors = held(text_bytes=1_000_000, tensors=100_000)
        try:
            for index in range(100_000):
                tensors.add(index, "", "f32", (0, 0 if same else 10**9 + index), 0)
        except InputError as error:
            assert "names and shapes of tensors take more than 1,000,000 bytes" in str(error)  # noqa: PT017
        return len(tensors)

    assert count(same=True) == 100_000
    assert REMEMBERED_SHAPES < count(same=False) < 1_000_000 / (56 + 2 * 40) + 1


def test_given_a_fourth_of_the_tensors_allowed_when_read_then_it_takes_less_than_a_fourth_of_64_mib() -> None:
    data = many_tensors(LIMITS.tensors // 4, turned=True)
    tracemalloc.start()
    try:
        assert len(read_part(BytesSource(data), LIMITS).tensors) == LIMITS.tensors // 4
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


LONG = "s" * 4_000
TENSOR = part(5, part(8, "w") + number(1, 1) + number(2, 1) + part(9, bytes(4)))
CONSTANT = tf_constant("c", tf_tensor(1, (1,), part(4, bytes(4))))
SCOPED = {
    "onnx": (onnx, part(7, part(1, part(5, part(1, LONG) + part(6, TENSOR * 20_000))))),
    "tensorflow": (tensorflow, tf_graph(functions=[tf_function(LONG, *([CONSTANT] * 20_000))])),
}


@pytest.mark.parametrize("kind", SCOPED)
def test_given_one_long_name_in_front_of_many_when_read_then_refused_before_memory_is_full(
    kind: str, tmp_path: Path
) -> None:
    """A file of half a megabyte whose tensors' full names would take 80 MB, and 600 MB at the limits."""
    reader, data = SCOPED[kind]
    path = tmp_path / f"model.{'onnx' if kind == 'onnx' else 'pb'}"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="names and shapes of tensors take more than 12,582,912 bytes"):
            reader.read_header(path)
        assert tracemalloc.get_traced_memory()[1] < 24 * MIB
    finally:
        tracemalloc.stop()
