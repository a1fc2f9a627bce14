"""safetensors files and indexes that are not what they say: each kind is refused for its own reason, at once."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from readers_mutation import BytesSource, mutations, survive
from readers_safetensors_bytes import entry, file, framed, model

from ai_on_eks.descriptors.readers.limits import LIMITS, Limits
from ai_on_eks.descriptors.readers.safetensors import read_header
from ai_on_eks.descriptors.readers.safetensors_header import Part, read_part
from ai_on_eks.errors import InputError

GOOD = b'"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
SMALL = replace(
    LIMITS,
    header_bytes=4096,
    tensors=3,
    metadata=3,
    string_bytes=1000,
    text_bytes=2000,
    metadata_bytes=2000,
    dimensions=2,
)


def raw(header: str | bytes, data: int = 8) -> bytes:
    return framed(header.encode() if isinstance(header, str) else header, data)


def with_entry(value: str | bytes, data: int = 8) -> bytes:
    return raw(b'{"a":' + (value.encode() if isinstance(value, str) else value) + b"}", data)


def one(data_type: str = "F32", shape: Any = (2,), place: Any = (0, 8), data: int = 8) -> bytes:
    return file({"a": entry(data_type, shape, place)}, data)


def two(first: tuple[int, int], second: tuple[int, int], data: int) -> bytes:
    sizes = [[last - begin] for begin, last in (first, second)]
    return file({"a": entry("U8", sizes[0], first), "b": entry("U8", sizes[1], second)}, data)


MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "it has 0 bytes"),
    "seven bytes": (bytes(7), "it has 7 bytes"),
    "no header": (bytes(8), "the text ends in the middle"),
    "header beyond the file": (framed(b"{}", length=3), "declares a header of 3 bytes; 2 follow"),
    "header of 2**64 - 1": (framed(b"{}", length=2**64 - 1), "declares a header of 18,446,744,073,709,551,615 bytes"),
    "not json": (raw("hello"), "the header does not begin with a brace"),
    "a list": (raw("[]"), "the header does not begin with a brace"),
    "never closed": (raw(b"{" + GOOD), "the text ends in the middle"),
    "key never closed": (raw('{"a', 0), "the text ends in the middle"),
    "key not in quotes": (raw("{a:1}"), "a key in quotes is missing"),
    "comma at the end": (raw(b"{" + GOOD + b",}"), "a key in quotes is missing"),
    "colon missing": (raw('{"a"{}}'), "a colon is missing"),
    "comma missing": (raw(b"{" + GOOD + b" " + GOOD + b"}"), "a comma or a closing brace is missing"),
    "bytes after the object": (raw(b"{" + GOOD + b"} x"), "something follows the closing brace"),
    "zero after the object": (raw(b"{" + GOOD + b"}\x00"), "something follows the closing brace"),
    "byte order mark": (raw(b"\xef\xbb\xbf{}", 0), "the header does not begin with a brace"),
    "name not utf-8": (raw(b"{" + GOOD.replace(b"a", b"\xff", 1) + b"}"), "a text is not UTF-8"),
    "name of half a character": (raw(b'{"\\ud800' + GOOD[2:] + b"}"), "an escape stands for half a character"),
    "name with a line break": (raw(b'{"\n' + GOOD[2:] + b"}"), "a byte that has to be escaped"),
    "name with a false escape": (raw(b'{"\\x' + GOOD[2:] + b"}"), "an escape that does not exist"),
    "name of 64 KiB": (raw(b'{"' + b"n" * 65_536 + GOOD[2:] + b"}"), "a name is longer than 65,535 bytes"),
    "name of 1 MiB": (raw(b'{"' + b"n" * 2**20 + GOOD[2:] + b"}"), "a name is longer than 65,535 bytes"),
    "tensor twice": (
        raw(b"{" + GOOD + b"," + GOOD.replace(b"[0,8]", b"[8,16]") + b"}", 16),
        "two tensors have the same",
    ),
    "tensor twice, escaped": (
        raw(b"{" + GOOD + b"," + GOOD.replace(b"[0,8]", b"[8,16]").replace(b'"a"', b'"\\u0061"') + b"}", 16),
        "two tensors have the same",
    ),
    "tensor is a number": (with_entry("1"), "a tensor is not an object"),
    "tensor is null": (with_entry("null"), "a tensor is not an object"),
    "tensor is empty": (with_entry("{}"), "a tensor lacks its dtype, shape or data_offsets"),
    "lists 100,000 deep": (with_entry("[" * 100_000), "a tensor is not an object"),
    "objects 100,000 deep": (with_entry('{"a":' * 100_000), "a field other than"),
    "shape 100,000 deep": (with_entry('{"shape":' + "[" * 100_000), "a tensor's shape has something that is not"),
    "field missing": (with_entry('{"dtype":"F32","shape":[2]}'), "a tensor lacks its dtype"),
    "field unknown": (with_entry('{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}'), "a field other than"),
    "field twice": (with_entry('{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}'), "has a field twice"),
    "shape twice": (with_entry('{"shape":[2],"dtype":"F32","shape":[2],"data_offsets":[0,8]}'), "has a field twice"),
    "fields without a comma": (with_entry('{"dtype":"F32" "shape":[2]}'), "a comma or a closing brace is missing"),
    "type unknown": (one("F128"), "a type that safetensors does not have"),
    "type in lower case": (one("f32"), "a type that safetensors does not have"),
    "type a number": (with_entry('{"dtype":1}'), "a tensor's type is not text"),
    "shape a number": (with_entry('{"shape":2}'), "a tensor's shape is not a list"),
    "shape null": (with_entry('{"shape":null}'), "a tensor's shape is not a list"),
    "shape negative": (one(shape=[-2]), "a tensor's shape has something that is not a whole number"),
    "shape fractional": (one(shape=[2.0]), "a tensor's shape has something that is not a whole number"),
    "shape not a number": (one(shape=[float("nan")]), "a tensor's shape has something that is not a whole number"),
    "shape exponential": (with_entry('{"shape":[1e999]}'), "a tensor's shape has something that is not a whole"),
    "shape with a leading zero": (with_entry('{"shape":[02]}'), "a tensor's shape has something that is not a whole"),
    "shape true": (one(shape=[True]), "a tensor's shape has something that is not a whole number"),
    "shape of text": (one(shape=["2"]), "a tensor's shape has something that is not a whole number"),
    "shape of 5,000 digits": (with_entry('{"shape":[' + "9" * 5000 + "]}"), "a tensor's shape has something"),
    "shape of nine numbers": (one(shape=[1] * 9), "a tensor's shape has more than 8 numbers"),
    "shape of 200,000 numbers": (one(shape=[9**19] * 20_000), "a tensor's shape has more than 8 numbers"),
    "shape without a comma": (with_entry('{"shape":[2 2]}'), "a comma or a closing bracket is missing in a tensor's"),
    "elements overflow": (one(shape=[2**62, 2**62]), "a tensor has 2**63 bytes or more"),
    "number overflow beside 0": (
        raw(
            b'{"a":{"dtype":"U8","shape":[9999999999999999999,0],"data_offsets":[0,0]},'
            + GOOD[:1]
            + b"b"
            + GOOD[2:]
            + b"}"
        ),
        "a tensor has 2**63 bytes or more",
    ),
    "bits left over": (one("F4", [3], [0, 1], 1), "a tensor does not fill whole bytes"),
    "six bits left over": (one("F6_E2M3", [2], [0, 1], 1), "a tensor does not fill whole bytes"),
    "place of one number": (one(place=[8]), "a tensor's place is not two numbers"),
    "place of three numbers": (one(place=[0, 8, 8]), "a tensor's place has more than 2 numbers"),
    "place negative": (one(place=[-8, 0]), "a tensor's place has something that is not a whole number"),
    "place of 2**63": (one(place=[0, 2**63]), "a tensor's place has something that is not a whole number"),
    "place of 2**63 as usual": (
        raw(b"{" + GOOD.replace(b"[0,8]", b"[9300000000000000000,9300000000000000008]") + b"," + GOOD + b"}"),
        "a tensor ends at 2**63 bytes or later",
    ),
    "place backwards": (one(place=[8, 0]), "a tensor ends before it begins"),
    "place too small": (one(place=[0, 4]), "a tensor has 8 bytes by its shape and type, 4 by its place"),
    "place too large": (one(place=[0, 2**50]), "a tensor has 8 bytes by its shape and type, 1,125,899"),
    "first not at 0": (one(place=[8, 16], data=16), "the data of the first tensor do not begin at 0"),
    "gap": (two((0, 4), (6, 8), 8), "the data of two tensors leave a gap"),
    "gap out of order": (two((6, 8), (0, 4), 8), "the data of two tensors leave a gap"),
    "overlap": (two((0, 4), (2, 6), 6), "the data of two tensors overlap"),
    "the same place": (two((0, 4), (0, 4), 4), "the data of two tensors overlap"),
    "empty inside another": (two((0, 4), (2, 2), 4), "the data of two tensors overlap"),
    "data cut off": (one(data=7), "the tensors end at byte 77, the file ends at 76"),
    "data left over": (one(data=9), "the tensors end at byte 77, the file ends at 78"),
    "data without tensors": (framed(b"{}", 1), "the tensors end at byte 10, the file ends at 11"),
    "metadata a list": (raw('{"__metadata__":[]}', 0), "__metadata__ is not an object"),
    "metadata like a tensor": (
        raw(b'{"__metadata__"' + GOOD[3:] + b"," + GOOD + b"}"),
        "a value of __metadata__ is not",
    ),
    "metadata twice": (raw('{"__metadata__":{},"__metadata__":{}}', 0), "__metadata__ is given twice"),
    "metadata key twice": (raw('{"__metadata__":{"a":"","a":""}}', 0), "a key of __metadata__ is given twice"),
    "metadata of numbers": (raw('{"__metadata__":{"a":1}}', 0), "a value of __metadata__ is not text"),
    "metadata of null": (raw('{"__metadata__":{"a":null}}', 0), "a value of __metadata__ is not text"),
    "metadata nested": (raw('{"__metadata__":{"a":{"b":"c"}}}', 0), "a value of __metadata__ is not text"),
    "metadata not utf-8": (raw(b'{"__metadata__":{"a":"\xc3"}}', 0), "a text is not UTF-8"),
    "long metadata not utf-8": (raw(b'{"__metadata__":{"a":"' + b"\xc3" * 70_000 + b'"}}', 0), "a text is not UTF-8"),
    "metadata never closed": (raw('{"__metadata__":{"a":"' + "b" * 600_000, 0), "the text ends in the middle"),
    "metadata cut in an escape": (raw('{"__metadata__":{"a":"\\u00', 0), "an escape that does not exist"),
    "metadata of 5 MiB": (
        raw(b'{"__metadata__":{"a":"' + b"b" * 5 * 2**20 + b'"}}', 0),
        "a text is longer than 4,194,304",
    ),
}

LIMITED: dict[str, tuple[bytes, str]] = {
    "header": (raw(b"{" + GOOD + b" " * 5000 + b"}"), "declares a header of 5,054 bytes; at most 4,096 are read"),
    "tensors": (file({f"t{index}": entry("U8", [0], [0, 0]) for index in range(4)}), "more than 3 tensors"),
    "metadata": (file({}, 0, {f"k{index}": "" for index in range(4)}), "__metadata__ has more than 3 keys"),
    "text": (file({}, 0, {"a": "b" * 1001}), "a text is longer than 1,000 bytes"),
    "metadata text": (file({}, 0, {"a": "b" * 1000, "c": "d" * 1000}), "__metadata__ exceeds 2,000 bytes of text"),
    "names": (file({"n" * 2001: entry("U8", [0], [0, 0])}), "names and shapes of tensors take more than 2,000 bytes"),
    "dimensions": (file({"a": entry("U8", [1, 1, 1], [0, 1])}, 1), "a tensor's shape has more than 2 numbers"),
}


def reason(data: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(InputError) as caught:
        read_part(BytesSource(data), limits)
    (problem,) = caught.value.problems
    assert problem.code == "weights-malformed"
    assert len(str(problem)) < 400
    return problem.message


@pytest.mark.parametrize("kind", MALFORMED)
def test_given_a_malformed_file_when_read_then_refused_for_its_reason(kind: str) -> None:
    data, expected = MALFORMED[kind]
    began = time.process_time()
    message = reason(data)
    seconds = time.process_time() - began
    assert message.startswith("at byte ")
    assert expected in message
    assert seconds < 0.5  # 0.05 on an idle core


@pytest.mark.parametrize("kind", LIMITED)
def test_given_more_than_a_limit_when_read_then_refused_by_that_limit(kind: str) -> None:
    data, expected = LIMITED[kind]
    read_part(BytesSource(data), LIMITS)
    assert expected in reason(data, SMALL)


def test_given_every_malformed_file_when_read_then_memory_stays_small() -> None:
    tracemalloc.start()
    try:
        for data, _ in MALFORMED.values():
            with pytest.raises(InputError):
                read_part(BytesSource(data), LIMITS)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_given_a_usual_entry_when_its_error_is_told_then_at_its_byte() -> None:
    bad = GOOD.replace(b'"a"', b'"b"').replace(b"F32", b"F31")
    for header in (b"{" + GOOD + b"," + bad + b"," + GOOD + b"}", b"{" + GOOD + b"," + bad + b"}"):
        assert reason(raw(header)) == "at byte 62: a tensor has a type that safetensors does not have"


SHARDS = {"a.safetensors": {"t": 3, "u": 2}, "b.safetensors": {"v": 1}}


def changed(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda right: {**right, **changes}


def places(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda right: {**right, "weight_map": {**right["weight_map"], **changes}}


def without(key: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda right: {**right, "weight_map": {k: v for k, v in right["weight_map"].items() if k != key}}


def text(value: str | bytes) -> Callable[[dict[str, Any]], bytes]:
    return lambda _: value.encode() if isinstance(value, str) else value


PLAIN = "not the plain name of a .safetensors file"
INDEXES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "empty": (text(""), "the text ends in the middle"),
    "a list": (text("[]"), "the index is not an object"),
    "no map": (text("{}"), "no weight_map, or an empty one"),
    "empty map": (changed(weight_map={}), "no weight_map, or an empty one"),
    "map a list": (changed(weight_map=[]), "the weight_map is not an object"),
    "map twice": (text('{"weight_map":{"t":"a.safetensors"},"weight_map":{}}'), "the index has a key twice"),
    "tensor twice": (text('{"weight_map":{"t":"a.safetensors","t":"a.safetensors"}}'), "has a tensor twice"),
    "place a number": (places(t=1), "a place in the weight_map is not text"),
    "place above": (places(t="../a.safetensors"), PLAIN),
    "place absolute": (places(t="/a.safetensors"), PLAIN),
    "place below": (places(t="x/a.safetensors"), PLAIN),
    "place with a backslash": (places(t="x\\a.safetensors"), PLAIN),
    "place with a zero": (places(t="a\x00.safetensors"), PLAIN),
    "place with a drive": (places(t="c:a.safetensors"), PLAIN),
    "place empty": (places(t=""), PLAIN),
    "place of dots": (places(t=".."), PLAIN),
    "place of another kind": (places(t="config.json"), PLAIN),
    "place of 300 letters": (places(t="n" * 300 + ".safetensors"), PLAIN),
    "tensor missing in the map": (without("u"), "it has a tensor that the index does not place here"),
    "tensor in another shard": (places(u="b.safetensors"), "it has a tensor that the index does not place here"),
    "tensor missing in the shard": (places(w="b.safetensors"), "it places 1 tensors in files that do not have them"),
    "size too large": (changed(metadata={"total_size": 7}), "it declares 7 bytes of tensors, its files have 6"),
    "size too small": (changed(metadata={"total_size": 5.0}), "it declares 5.0 bytes of tensors, its files have 6"),
    "size negative": (changed(metadata={"total_size": -6}), "total_size is not a number of bytes"),
    "size true": (changed(metadata={"total_size": True}), "total_size is not a number of bytes"),
    "size text": (changed(metadata={"total_size": "6"}), "total_size is not a number of bytes"),
    "size not a number": (changed(metadata={"total_size": float("nan")}), "beside the weight_map: NaN is not a finite"),
    "metadata a list": (changed(metadata=[]), "the metadata of the index are not an object"),
    "metadata key twice": (text('{"metadata":{"a":1,"a":2}}'), "beside the weight_map: a key is given twice"),
    "metadata too deep": (changed(x=json.loads("[" * 50 + "]" * 50)), "beside the weight_map: more than 32 levels"),
    "metadata 20,000 deep": (text('{"x":' + "[" * 20_000 + "]" * 20_000 + "}"), "beside the weight_map: more than 32"),
    "metadata never closed": (text('{"x":' + "[" * 20_000), "the text ends in the middle"),
    "metadata too long": (changed(x=["y" * 70_000]), "a value is longer than 65,536 bytes"),
    "metadata not json": (text('{"x":yes}'), "beside the weight_map: is not JSON"),
    "metadata not utf-8": (text(b'{"x":"\xff"}'), "a text is not UTF-8"),
    "escapes without end": (
        text('{"weight_map":{' + ",".join(f'"\\u0061{n}":"a.safetensors"' for n in range(1_025)) + "}}"),
        "more than 1,024 tensors are written as no writer does",
    ),
    "bracket closed only": (text('{"x":]]]}'), "beside the weight_map: is not JSON"),
    "too many keys": (changed(**{f"x{index}": 1 for index in range(20)}), "the index has more than 16 keys"),
    "something behind": (text('{"weight_map":{"t":"a.safetensors"}}}'), "something follows the closing brace"),
}


@pytest.mark.parametrize("kind", INDEXES)
def test_given_an_index_that_does_not_agree_when_read_then_refused_for_its_reason(tmp_path: Path, kind: str) -> None:
    assert read_header(model(tmp_path, SHARDS)).stored_bytes == 6
    index, expected = INDEXES[kind]
    with pytest.raises(InputError) as caught:
        read_header(model(tmp_path, SHARDS, index))
    (problem,) = caught.value.problems
    assert problem.code == "weights-malformed"
    assert expected in problem.message


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (replace(LIMITS, files=1), "the weight_map names more than 1 files"),
        (replace(LIMITS, model_tensors=2), "the weight_map has more than 2 tensors"),
        (replace(LIMITS, header_bytes=100), "at most 100 are read"),
    ],
)
def test_given_an_index_beyond_a_limit_when_read_then_refused(tmp_path: Path, limits: Limits, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        read_header(model(tmp_path, SHARDS), limits)


def test_given_a_missing_shard_a_link_or_a_folder_when_read_then_the_shard_is_named(tmp_path: Path) -> None:
    path = model(tmp_path, SHARDS)
    shard, elsewhere = tmp_path / "b.safetensors", tmp_path / "elsewhere"

    def problem() -> tuple[str, str | None]:
        with pytest.raises(InputError) as caught:
            read_header(path)
        return caught.value.problems[0].code, caught.value.problems[0].file

    shard.rename(elsewhere)
    assert problem() == ("file-not-found", str(shard))
    shard.symlink_to(elsewhere)
    assert problem() == ("file-not-readable", str(shard))
    shard.unlink()
    shard.mkdir()
    assert problem() == ("not-a-file", str(shard))


def test_given_a_malformed_shard_when_read_then_the_shard_is_named(tmp_path: Path) -> None:
    path = model(tmp_path, SHARDS)
    (tmp_path / "b.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="it has 0 bytes") as caught:
        read_header(path)
    assert caught.value.problems[0].file == str(tmp_path / "b.safetensors")


def test_given_damaged_files_when_read_then_only_refused_or_answered() -> None:
    def read(data: bytes) -> Part:
        return read_part(BytesSource(data), LIMITS)

    tensors = {"a": entry(), "b.é": entry("F4", [4, 2], [8, 12]), "c": entry("U8", [], [12, 13])}
    spread = json.dumps(tensors, indent=1).replace(r"\u00e9", r"\u00E9\n")
    seeds = [file(tensors, 13, {"format": "pt", "é": "\n"}), framed(spread.encode(), 13), raw(b"{" + GOOD + b"}")]
    seeds.append(file({"z": entry("BF16", [0], [0, 0]), **tensors}, 13))
    for seed in seeds:
        read(seed)
    answered, refused = survive(read, mutations(seeds, 6000))
    assert refused > 3000
    assert answered > 100


def test_given_damaged_indexes_when_read_then_only_refused_or_answered(tmp_path: Path) -> None:
    path = model(tmp_path, SHARDS)
    seeds = [path.read_bytes(), json.dumps(json.loads(path.read_bytes()), indent=1).encode()]

    def read(data: bytes) -> object:
        path.write_bytes(data)
        try:
            return read_header(path)
        except InputError as error:
            if {problem.code for problem in error.problems} <= {"file-not-found", "file-not-readable"}:
                return None  # a damaged name of a shard is the name of another file
            raise

    answered, refused = survive(read, mutations(seeds, 1500))
    assert refused > 500
    assert answered > 20
