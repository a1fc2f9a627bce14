"""safetensors headers of real files, made by the format's own library."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readers_mutation import BytesSource
from readers_safetensors_bytes import entry, file, framed, model
from safetensors.numpy import save_file

from ai_on_eks.descriptors.readers.limits import LIMITS
from ai_on_eks.descriptors.readers.safetensors import read_header
from ai_on_eks.descriptors.readers.safetensors_header import BITS, UNUSUAL_TENSORS, Part, read_part
from ai_on_eks.descriptors.readers.types import StoredTensor
from ai_on_eks.errors import InputError

SIZES = {"embed.weight": (64, 8), "layers.0.w": (3, 5, 2), "layers.0.scale": (), "empty": (0, 4)}


def part(data: bytes) -> Part:
    return read_part(BytesSource(data), LIMITS)


def test_given_a_file_of_the_library_when_read_then_everything_in_it_is_told(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    arrays = {name: np.zeros(shape, np.float16) for name, shape in SIZES.items()}
    save_file({**arrays, "mask": np.zeros(3, np.bool_), "ids": np.zeros(2, np.int64)}, path, {"format": "pt", "ü": "“"})

    header = read_header(path)

    assert header.format == "safetensors"
    assert header.files == ("m.safetensors",)
    assert header.metadata == {"format": "pt", "ü": "“"}
    assert header.tensors == (
        StoredTensor("embed.weight", "f16", (64, 8), 1024),
        StoredTensor("empty", "f16", (0, 4), 0),
        StoredTensor("ids", "i64", (2,), 16),
        StoredTensor("layers.0.scale", "f16", (), 2),
        StoredTensor("layers.0.w", "f16", (3, 5, 2), 60),
        StoredTensor("mask", "bool", (3,), 3),
    )
    assert header.stored_bytes == 1024 + 16 + 2 + 60 + 3


@pytest.mark.parametrize(
    "name",
    ["bool", "uint8", "int8", "uint16", "int16", "float16", "uint32", "int32", "float32", "uint64", "int64", "float64",
     "complex64"],
)  # fmt: skip
def test_given_every_type_of_numpy_when_written_by_the_library_then_its_bytes_agree(tmp_path: Path, name: str) -> None:
    array = np.zeros((3, 7), name)
    save_file({"a": array}, tmp_path / "m.safetensors")
    (tensor,) = read_header(tmp_path / "m.safetensors").tensors
    assert (tensor.shape, tensor.stored_bytes) == ((3, 7), array.nbytes)


@pytest.mark.parametrize("data_type", BITS)
def test_given_each_published_type_when_read_then_its_bits_are_counted(data_type: str) -> None:
    size = 3 * 8 * BITS[data_type] // 8
    data = file({"a": entry(data_type, [3, 8], [0, size])}, size)
    assert part(data).tensors == [StoredTensor("a", data_type.lower(), (3, 8), size)]


def test_given_an_empty_file_of_the_library_when_read_then_it_has_no_tensors(tmp_path: Path) -> None:
    save_file({}, tmp_path / "m.safetensors")
    assert read_header(tmp_path / "m.safetensors").tensors == ()


def test_given_other_spellings_when_read_then_the_same_tensors_are_told() -> None:
    usual = (
        b'{"a":{"dtype":"U8","shape":[2,1],"data_offsets":[0,2]},"b":{"dtype":"F4","shape":[4],"data_offsets":[2,4]}}'
    )
    expected = part(framed(usual, 4)).tensors
    others = [
        usual + b" " * 600_000,
        usual.replace(b":", b" :\t").replace(b",", b"\n, "),
        usual.replace(b'"a"', b'"\\u0061"').replace(b'"dtype"', b'"\\u0064type"'),
        b'{"b":{"data_offsets":[2,4],"dtype":"F4","shape":[4]},"a":{"shape":[2,1],"data_offsets":[0,2],"dtype":"U8"}}',
        usual.replace(b"[2,1]", b"[ 2 , 1 ]").replace(b"{", b"{ ").replace(b"}", b" }"),
        usual[:-1] + b',"__metadata__":{}}',
    ]
    for other in others:
        assert part(framed(other, 4)).tensors == expected, other[:200]


def test_given_a_long_value_when_read_then_only_its_length_is_kept() -> None:
    words = "é" * 600_000
    data = file({"a": entry()}, 8, {"short": "x", "long": words})
    assert part(data).metadata == {"short": "x", "long.length": len(json.dumps(words)) - 2}
    raw = framed(b'{"__metadata__":{"long":"' + words.encode() + b'"}}')
    assert part(raw).metadata == {"long.length": len(words.encode())}


def test_given_more_tensors_than_a_buffer_holds_when_read_then_none_is_lost() -> None:
    count = 12_000
    name = "model.layers.{}.mlp.experts.down_proj.weight"
    entries = {name.format(index): entry("U8", [index % 50], [0, 0]) for index in range(count)}
    end = 0
    for item in entries.values():
        item["data_offsets"] = [end, end + item["shape"][0]]
        end += item["shape"][0]
    data = file(entries, end)
    assert len(data) > 2 * 512 * 2**10
    began = time.process_time()
    tensors = part(data).tensors
    seconds = time.process_time() - began
    assert {tensor.name: list(tensor.shape) for tensor in tensors} == {
        key: item["shape"] for key, item in entries.items()
    }
    assert [tensor.name for tensor in tensors] == sorted(entries)
    assert seconds < 0.5  # 0.05 on an idle core


def test_given_tensors_written_as_no_writer_does_when_many_then_refused_before_it_takes_long() -> None:
    spelled = '"layer.%d":{"dtype":"U8","data_offsets":[%d,%d],"shap\\u0065":[1]}'

    def data(count: int) -> bytes:
        return framed(f"{{{','.join(spelled % (index, index, index + 1) for index in range(count))}}}".encode(), count)

    assert len(part(data(UNUSUAL_TENSORS)).tensors) == UNUSUAL_TENSORS
    began = time.process_time()
    with pytest.raises(InputError, match="more than 1,024 tensors are written as no writer does"):
        part(data(100_000))
    assert time.process_time() - began < 0.8  # 0.08 on an idle core, of which the file is half


def test_given_an_index_and_its_shards_when_read_then_the_model_is_one(tmp_path: Path) -> None:
    for number in (1, 2):
        arrays = {f"layer.{number}.{name}": np.zeros(shape, np.float32) for name, shape in SIZES.items()}
        save_file(arrays, tmp_path / f"model-0000{number}-of-00002.safetensors", {"format": "pt"})
    places = {
        f"layer.{number}.{name}": f"model-0000{number}-of-00002.safetensors" for number in (1, 2) for name in SIZES
    }
    index = tmp_path / "model.safetensors.index.json"
    total = 2 * 4 * (64 * 8 + 30 + 1)
    index.write_text(json.dumps({"metadata": {"total_size": total, "writer": "x"}, "weight_map": places}, indent=2))

    header = read_header(index)

    assert [tensor.name for tensor in header.tensors] == sorted(places)
    assert header.stored_bytes == total
    assert header.metadata == {"format": "pt", "total_size": total, "writer": "x"}
    shards = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
    assert header.files == (*shards, "model.safetensors.index.json")
    assert len(read_header(tmp_path / shards[0]).tensors) == len(SIZES)


@pytest.mark.parametrize("total", [None, 24, 24.0])
def test_given_an_index_when_it_says_the_size_or_nothing_then_it_is_read(tmp_path: Path, total: object) -> None:
    def index(right: dict[str, Any]) -> dict[str, Any]:
        return {
            "weight_map": right["weight_map"],
            "metadata": {} if total is None else {"total_size": total},
            "x": [{}],
        }

    path = model(tmp_path, {"a.safetensors": {"t": 16}, "b.safetensors": {"u": 8}}, index)
    assert read_header(path).stored_bytes == 24


def test_given_truth_values_counted_as_bits_when_read_then_the_index_is_right(tmp_path: Path) -> None:
    tensors = {"m": entry("BOOL", [20], [0, 20]), "w": entry("F32", [1], [20, 24])}
    (tmp_path / "a.safetensors").write_bytes(file(tensors, 24))
    index = tmp_path / "model.safetensors.index.json"
    places = {"m": "a.safetensors", "w": "a.safetensors"}
    for total in (24, 20 / 8 + 4):
        index.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}))
        assert read_header(index).stored_bytes == 24


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(lambda name: name != "__metadata__")


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list[StoredTensor], dict[str, str]]:
    stored, entries, end = [], {}, 0
    for name in draw(st.lists(names, unique=True, max_size=6)):
        data_type = draw(st.sampled_from(sorted(BITS)))
        shape = (*draw(st.lists(st.integers(0, 5), max_size=3)), 8)
        size = BITS[data_type]  # eight elements of so many bits each
        for factor in shape[:-1]:
            size *= factor
        entries[name] = entry(data_type, shape, (end, end + size))
        stored.append(StoredTensor(name, data_type.lower(), shape, size))
        end += size
    metadata = draw(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.text(max_size=50)))
    order = draw(st.permutations(list(entries)))
    ascii_only, indent = draw(st.booleans()), draw(st.sampled_from((None, 1)))
    content: dict[str, object] = {"__metadata__": metadata, **{name: entries[name] for name in order}}
    header = json.dumps(content, ensure_ascii=ascii_only, indent=indent)
    return framed(header.encode(), end), sorted(stored, key=lambda tensor: tensor.name), metadata


@settings(max_examples=150, deadline=None)
@given(files())
def test_given_any_valid_file_when_read_then_what_was_written_is_told(
    written: tuple[bytes, list[StoredTensor], dict[str, str]],
) -> None:
    data, stored, metadata = written
    assert part(data) == Part(stored, dict(metadata))
