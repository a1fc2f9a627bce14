"""GGUF headers of real files, made by the format's own library."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import gguf as library
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from readers_gguf_bytes import BOOL, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64, Tensor, numbers, scalar, texts
from readers_gguf_bytes import gguf as build
from readers_mutation import BytesSource

from ai_on_eks.descriptors.readers.ggml_types import GGML_TYPES
from ai_on_eks.descriptors.readers.gguf import BYTE_ORDER, read_header, read_part
from ai_on_eks.descriptors.readers.types import StoredTensor

Q4_K = library.GGMLQuantizationType.Q4_K
ORDERS = {"<": library.GGUFEndian.LITTLE, ">": library.GGUFEndian.BIG}


def write(path: Path, **settings: Any) -> library.GGUFWriter:
    writer = library.GGUFWriter(path, "llama", **settings)
    writer.add_block_count(2)
    return writer


def close(writer: library.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.mark.parametrize("order", ORDERS)
def test_given_a_file_of_the_library_when_read_then_everything_in_it_is_told(tmp_path: Path, order: str) -> None:
    path = tmp_path / "m.gguf"
    writer = write(path, endianess=ORDERS[order])
    writer.add_token_list(["a", "b" * 300, ""] * 400)
    writer.add_token_scores([0.5] * 1200)
    writer.add_array("llama.attention.head_count_kv", [8, 0])
    writer.add_array("general.tags", ["x", "y"])
    writer.add_float32("llama.rope.freq_base", 500000.0)
    writer.add_bool("tokenizer.ggml.add_bos_token", True)
    writer.add_chat_template("{{ bos_token }}")
    writer.add_tensor("output.weight", np.zeros((512, 144), np.uint8), raw_dtype=Q4_K)
    writer.add_tensor("blk.0.norm", np.zeros(3, np.float32))
    writer.add_tensor("blk.0.exps", np.zeros((4, 2, 32), np.float16))
    close(writer)

    header = read_header(path)

    assert header.format == "gguf"
    assert header.files == ("m.gguf",)
    assert header.tensors == (
        StoredTensor("blk.0.exps", "f16", (4, 2, 32), 512),
        StoredTensor("blk.0.norm", "f32", (3,), 12),
        StoredTensor("output.weight", "q4_k", (512, 256), 512 * 144),
    )
    assert header.metadata == {
        BYTE_ORDER: "little" if order == "<" else "big",
        "general.architecture": "llama",
        "llama.block_count": 2,
        "tokenizer.ggml.tokens.length": 1200,
        "tokenizer.ggml.scores.length": 1200,
        "llama.attention.head_count_kv": (8, 0),
        "general.tags": ("x", "y"),
        "llama.rope.freq_base": 500000.0,
        "tokenizer.ggml.add_bos_token": True,
        "tokenizer.chat_template": "{{ bos_token }}",
    }
    assert header.parameters == 4 * 2 * 32 + 3 + 512 * 256


def test_given_the_types_of_the_library_when_compared_then_every_size_is_the_same() -> None:
    published = {
        int(kind): (kind.name.lower(), block, size) for kind, (block, size) in library.GGML_QUANT_SIZES.items()
    }
    published[9] = ("q8_1", 32, 2 + 2 + 32)  # the package still counts the scale and the sum as four bytes each
    ours = {number: tuple(kind) for number, kind in GGML_TYPES.items()}
    assert {number: ours[number] for number in published} == published
    assert set(ours) - set(published) == {42}


@pytest.mark.parametrize("number", sorted(GGML_TYPES))
def test_given_a_tensor_of_each_type_when_read_then_its_bytes_are_its_blocks(number: int) -> None:
    kind = GGML_TYPES[number]
    size = 3 * 2 * kind.bytes_per_block
    data = build([], [Tensor("w", (2 * kind.block, 3), number)], data=size)
    assert read_part(BytesSource(data)).tensors == [StoredTensor("w", kind.name, (3, 2 * kind.block), size)]


@pytest.mark.parametrize("given_part", [0, 1, 2])
def test_given_a_split_model_when_any_part_is_read_then_the_whole_is_told(tmp_path: Path, given_part: int) -> None:
    writer = write(tmp_path / "m.gguf", split_max_tensors=2)
    for index in range(5):
        writer.add_tensor(f"t{index}", np.zeros((2, 8), np.float32))
    close(writer)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"m-0000{number}-of-00003.gguf" for number in (1, 2, 3)]

    header = read_header(tmp_path / names[given_part])

    assert header.files == tuple(names)
    assert [tensor.name for tensor in header.tensors] == [f"t{index}" for index in range(5)]
    assert header.stored_bytes == 5 * 64
    assert header.metadata["llama.block_count"] == 2
    assert header.metadata["split.no"] == 0


def test_given_a_vocabulary_of_a_real_size_when_read_then_it_is_stepped_over_soon(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    count = 151_936
    writer = write(path)
    writer.add_token_list([f"token {index}" for index in range(count)])
    writer.add_token_merges([f"a{index} b{index}" for index in range(count)])
    writer.add_token_types([1] * count)
    writer.add_tensor("w", np.zeros(32, np.float32))
    close(writer)
    assert path.stat().st_size > 5_000_000

    began = time.process_time()
    header = read_header(path)
    seconds = time.process_time() - began

    assert header.metadata["tokenizer.ggml.merges.length"] == count
    assert header.tensors == (StoredTensor("w", "f32", (32,), 128),)
    assert seconds < 0.25  # 0.025 on an idle core


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("order", ORDERS)
def test_given_every_value_type_when_read_then_its_value_is_kept(version: int, order: str) -> None:
    values = {U8: 255, I8: -128, U16: 65535, I16: -32768, U32: 2**32 - 1, I32: -(2**31), F32: 0.5, BOOL: 1}
    values |= {U64: 2**64 - 1, I64: -(2**63), F64: 1e300}
    pairs = [scalar(f"k{kind}", kind, value, order) for kind, value in values.items()]
    pairs += [numbers(f"l{kind}", kind, [value] * 2, order) for kind, value in values.items()]
    pairs.append(texts("empty", [], order))
    metadata = read_part(BytesSource(build(pairs, version=version, order=order))).metadata
    expected: dict[str, object] = {BYTE_ORDER: "little" if order == "<" else "big", "empty": ()}
    expected |= {f"k{kind}": value for kind, value in values.items()}
    expected |= {f"l{kind}": (value, value) for kind, value in values.items()}
    assert metadata == expected
    assert metadata["k7"] is True


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@st.composite
def models(draw: st.DrawFn) -> tuple[bytes, list[StoredTensor], dict[str, object]]:
    order = draw(st.sampled_from("<>"))
    alignment = draw(st.sampled_from((8, 16, 32, 4096)))
    metadata: dict[str, object] = {f"x{key}": value for key, value in draw(st.dictionaries(names, st.text())).items()}
    pairs = [scalar(key, 8, value, order) for key, value in metadata.items()]
    pairs.append(scalar("general.alignment", U32, alignment, order))
    tensors, stored, end = [], [], 0
    for name in draw(st.lists(names, unique=True, max_size=5)):
        number = draw(st.sampled_from(sorted(GGML_TYPES)))
        kind = GGML_TYPES[number]
        blocks = draw(st.integers(0, 3))
        outer = draw(st.lists(st.integers(0, 4), max_size=3))
        size = blocks * kind.bytes_per_block
        for factor in outer:
            size *= factor
        begin = -(-end // alignment) * alignment
        tensors.append(Tensor(name, (blocks * kind.block, *outer), number, begin))
        stored.append(StoredTensor(name, kind.name, (*reversed(outer), blocks * kind.block), size))
        end = begin + size
    data = build(pairs, draw(st.permutations(tensors)), data=end, alignment=alignment, order=order)
    expected = {BYTE_ORDER: "little" if order == "<" else "big", "general.alignment": alignment, **metadata}
    return data, stored, expected


@settings(max_examples=100, deadline=None)
@given(models())
def test_given_any_valid_file_when_read_then_what_was_written_is_told(
    model: tuple[bytes, list[StoredTensor], dict[str, object]],
) -> None:
    data, stored, metadata = model
    part = read_part(BytesSource(data))
    assert sorted(part.tensors, key=lambda tensor: tensor.name) == sorted(stored, key=lambda tensor: tensor.name)
    assert part.metadata == metadata
