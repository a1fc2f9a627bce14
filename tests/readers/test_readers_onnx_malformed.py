"""ONNX bytes that are not what they say: each kind is refused for a reason of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from readers_protobuf_bytes import fixed32, number, part, varint

from ai_on_eks.descriptors.readers import protobuf_wire
from ai_on_eks.descriptors.readers.limits import LIMITS
from ai_on_eks.descriptors.readers.onnx import read_header
from ai_on_eks.errors import InputError

DIMS, TYPE, SEGMENT, FLOATS, INT32S, STRINGS, NAME, RAW, PAIRS, LOCATION = 1, 2, 3, 4, 5, 6, 8, 9, 13, 14


def tensor(*fields: bytes, name: str = "w") -> bytes:
    return b"".join(fields) + part(NAME, name)


def graph(*fields: bytes) -> bytes:
    return part(7, b"".join(fields))


def weights(*fields: bytes) -> bytes:
    """A model of one initializer."""
    return graph(part(5, tensor(*fields)))


def attribute(*fields: bytes) -> bytes:
    """A model of one node with one attribute."""
    return graph(part(1, part(5, part(1, "a") + b"".join(fields))))


def sparse(values: bytes, indices: bytes, *dims: int) -> bytes:
    return graph(part(15, part(1, values) + part(2, indices) + b"".join(number(3, size) for size in dims)))


FLOAT_2 = tensor(number(DIMS, 2), number(TYPE, 1), part(RAW, bytes(8)))
INT64_2 = tensor(number(DIMS, 2), number(TYPE, 7), part(RAW, bytes(16)), name="i")
EXTERNAL = number(TYPE, 1) + number(DIMS, 2) + number(LOCATION, 1)


def pair(key: str, value: str | bytes) -> bytes:
    return part(PAIRS, part(1, key) + part(2, value))


MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty file": (b"", "holds no graph"),
    "no graph": (number(1, 10), "holds no graph"),
    "two graphs": (graph() + graph(), "two graphs"),
    "tag alone": (b"\x08", "ends inside a field"),
    "varint cut": (b"\x08\x80", "ends inside a field"),
    "varint of eleven bytes": (b"\x08" + b"\x80" * 10 + b"\x01", "more than 10 bytes"),
    "varint of 70 bits": (b"\x08" + b"\xff" * 9 + b"\x7f", "more than 64 bits"),
    "tag of eleven bytes": (b"\x80" * 11, "more than 10 bytes"),
    "field number zero": (b"\x00\x00", "field number 0 is out of range"),
    "field number too large": (varint(2**29 << 3) + b"\x00", f"field number {2**29} is out of range"),
    "group": (b"\x63\x64", "opens or closes a group"),
    "end of a group": (b"\x64", "opens or closes a group"),
    "wire type six": (b"\x66", "unassigned wire type 6"),
    "wire type of the graph": (number(7, 1), "field 7 has wire type 0"),
    "length beyond the file": (b"\x3a\x7f", "127 bytes; 0 remain"),
    "length of 2**63": (b"\x3a" + varint(2**63), "9,223,372,036,854,775,808 bytes"),
    "fixed field cut": (b"\x7d\x00", "field 15 has 4 bytes; 1 remain"),
    "wide fixed field cut": (b"\x79\x00", "field 15 has 8 bytes; 1 remain"),
    "tensor reaches out of its graph": (part(7, b"\x2a\x7f") + bytes(200), "127 bytes; 0 remain"),
    "no name": (graph(part(5, number(DIMS, 2) + number(TYPE, 1) + part(RAW, bytes(8)))), "has no name"),
    "name twice in one tensor": (weights(part(NAME, "v")), "field 8 of a tensor is given twice"),
    "raw data twice": (weights(part(RAW, b""), part(RAW, b"")), "field 9 of a tensor is given twice"),
    "name is not UTF-8": (graph(part(5, part(NAME, b"\xff"))), "a tensor's name is not UTF-8"),
    "name too long": (graph(part(5, part(NAME, bytes(4_097)))), "4,097 bytes; at most 4,096"),
    "one name for two": (graph(part(5, FLOAT_2), part(5, FLOAT_2)), "two tensors have the same name"),
    "no data type": (weights(number(DIMS, 1)), "data type 0 is not known"),
    "data type 99": (weights(number(TYPE, 99)), "data type 99 is not known"),
    "negative data type": (weights(number(TYPE, -1)), "data type -1 is not known"),
    "negative dimension": (weights(number(TYPE, 1), number(DIMS, -1)), "a dimension is -1"),
    "nine dimensions": (weights(number(TYPE, 1), number(DIMS, 1) * 9), "more than 8 dimensions"),
    "nine packed dimensions": (weights(number(TYPE, 1), part(DIMS, b"\1" * 9)), "more than 8 dimensions"),
    "dimensions as floats": (weights(fixed32(DIMS)), "dimensions have wire type 5"),
    "product of 2**64": (weights(number(TYPE, 1), number(DIMS, 2**32) * 2), "2**63 or more"),
    "product hidden by zero": (weights(number(TYPE, 1), number(DIMS, 0), number(DIMS, 2**62) * 2), "2**63 or more"),
    "no data": (weights(number(TYPE, 1), number(DIMS, 5)), "5 elements holds no data"),
    "too little raw data": (weights(number(TYPE, 1), number(DIMS, 5), part(RAW, b"abc")), "3 bytes; shape and data"),
    "data twice": (weights(number(TYPE, 1), part(RAW, bytes(4)), fixed32(FLOATS)), "data more than once"),
    "segment": (weights(number(TYPE, 1), part(SEGMENT, number(1, 0)), part(RAW, bytes(4))), "stored in segments"),
    "floats as integers": (weights(number(TYPE, 1), number(INT32S, 1)), "lie in field 5; expected is 4"),
    "floats of wrong wire type": (weights(number(TYPE, 1), number(FLOATS, 1)), "elements have wire type 0"),
    "too few floats": (weights(number(TYPE, 1), number(DIMS, 5), part(FLOATS, bytes(8))), "do not fit the shape"),
    "too many integers": (weights(number(TYPE, 6), part(INT32S, bytes(11))), "do not fit the shape, which has 1"),
    "too few integers": (weights(number(TYPE, 6), number(DIMS, 9), part(INT32S, bytes(8))), "which has 9"),
    "too few strings": (weights(number(TYPE, 8), number(DIMS, 3), part(STRINGS, "a")), "1 strings; its shape gives 3"),
    "raw strings": (weights(number(TYPE, 8), part(RAW, b"a")), "strings are stored as raw"),
    "unknown place": (weights(number(TYPE, 1), number(LOCATION, 2), part(RAW, bytes(4))), "data location 2"),
    "external without location": (weights(EXTERNAL), "without a location"),
    "external offset is no number": (weights(EXTERNAL, pair("offset", "-1")), "is no number below 2**63"),
    "external length has 30 digits": (weights(EXTERNAL, pair("length", "9" * 30)), "is no number below 2**63"),
    "external digits of another script": (weights(EXTERNAL, pair("offset", "٣")), "is no number below 2**63"),
    "external length lies": (weights(EXTERNAL, pair("length", "7")), "external data has 7 bytes"),
    "external key twice": (weights(EXTERNAL, pair("a", "1"), pair("a", "2")), "key of external data is given twice"),
    "external keys without end": (weights(EXTERNAL, *(pair(str(n), "") for n in range(17))), "more than 16 keys"),
    "external value too long": (weights(EXTERNAL, pair("location", "a" * 5_000)), "value of external data is too"),
    "sparse without indices": (graph(part(15, part(1, FLOAT_2))), "needs values and indices"),
    "sparse with values twice": (graph(part(15, part(1, FLOAT_2) * 2)), "values or indices twice"),
    "sparse with more values than elements": (sparse(FLOAT_2, INT64_2, 1), "values of a sparse tensor do not fit"),
    "sparse with floats as indices": (sparse(FLOAT_2, FLOAT_2, 9), "indices of a sparse tensor do not fit"),
    "tensors inside a node": (attribute(part(5, number(TYPE, 77))), "data type 77 is not known"),
    "graph inside a node": (attribute(part(6, b"\x0b")), "field 1 has wire type 3; expected is 2"),
    "operator set twice": (part(8, number(2, 1)) * 2 + graph(), "'opset' is given twice"),
    "input of unknown type": (graph(part(11, part(2, part(1, number(1, 99))))), "unknown data type 99"),
    "input with nine dimensions": (graph(part(11, part(2, part(1, part(2, part(1, b"") * 9))))), "input or output has"),
}


def sequences(count: int) -> bytes:
    """A type nested `count` times."""
    kind = b""
    for _ in range(count):
        kind = part(4, part(1, kind))
    return graph(part(11, part(2, kind)))


MALFORMED["sequences in sequences"] = sequences(500), "nested more than 16 deep"


@pytest.mark.parametrize("name", MALFORMED)
def test_given_malformed_bytes_when_read_then_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    data, reason = MALFORMED[name]
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_header(path)
    (problem,) = caught.value.problems
    assert problem.code == "weights-malformed"
    assert reason in problem.message
    assert problem.message.startswith("at byte ")


@pytest.mark.parametrize(
    ("limits", "data", "reason"),
    [
        (replace(LIMITS, tensors=1), graph(part(5, FLOAT_2), part(5, FLOAT_2)), "more than 1 tensors"),
        (replace(LIMITS, text_bytes=10), part(2, "p" * 6) + part(3, "v" * 6), "too long"),
        (replace(LIMITS, metadata=1), number(1, 1) + number(5, 1) + graph(), "more than 1 facts"),
        (replace(LIMITS, metadata=1), graph(part(11, part(1, "x")), part(11, part(1, "y"))), "more than 1 inputs"),
        (replace(LIMITS, files=0), weights(EXTERNAL, pair("location", "a")), "in more than 0 files"),
        (replace(LIMITS, nesting=1), weights(number(TYPE, 1)), "nested more than 1 deep"),
    ],
)
def test_given_a_bound_when_passed_then_refused(limits: object, data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    with pytest.raises(InputError, match=reason):
        read_header(path, limits)  # type: ignore[arg-type]


def test_given_a_million_empty_fields_when_read_then_refused_at_the_bound(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(graph() + part(100, b"") * 1_000_001)
    with pytest.raises(InputError, match="more than 1,000,000 fields"):
        read_header(path)


def test_given_no_file_when_read_then_told(tmp_path: Path) -> None:
    for name, code in (("none.onnx", "file-not-found"), ("a\0b", "file-not-readable"), (".", "not-a-file")):
        with pytest.raises(InputError) as caught:
            read_header(tmp_path / name)
        assert caught.value.problems[0].code == code


@pytest.mark.parametrize("dims", [part(DIMS, b"\1" * 8), number(DIMS, 1) * 8])
def test_given_dimensions_packed_or_not_when_counted_then_each_is_a_field(
    dims: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(weights(number(TYPE, 1), dims, part(RAW, bytes(4))))
    assert read_header(path).tensors[0].shape == (1,) * 8
    monkeypatch.setattr(protobuf_wire, "MAX_FIELDS", 12)
    with pytest.raises(InputError, match="more than 12 fields"):
        read_header(path)
    monkeypatch.setattr(protobuf_wire, "MAX_FIELDS", 14)
    assert read_header(path).tensors


def test_given_numbers_of_ten_bytes_when_counted_then_each_is_several_fields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A field of the longest number takes as long as six short ones."""
    monkeypatch.setattr(protobuf_wire, "MAX_FIELDS", 20)
    path = tmp_path / "model.onnx"
    path.write_bytes(graph(number(99, 1) * 19))
    assert not read_header(path).tensors
    path.write_bytes(graph(number(99, 2**63) * 4))
    with pytest.raises(InputError, match="more than 20 fields"):
        read_header(path)
