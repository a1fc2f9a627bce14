"""GGUF files that are not what they say: each kind is refused for its own reason, at once."""

from __future__ import annotations

import struct
import time
import tracemalloc
from pathlib import Path

import pytest
from msgspec.structs import replace
from readers_gguf_bytes import (
    BOOL,
    F32,
    F64,
    LIST,
    TEXT,
    U8,
    U16,
    U32,
    U64,
    Tensor,
    array,
    gguf,
    numbers,
    scalar,
    text,
    texts,
)
from readers_mutation import BytesSource, mutations, survive

from ai_on_eks.descriptors.readers.gguf import Part, read_header, read_part
from ai_on_eks.descriptors.readers.limits import LIMITS
from ai_on_eks.errors import InputError

HANGING = gguf([array("a", U8, b"", 2**40)], alignment=1)
"""The file that keeps the public reader busy for minutes and makes it allocate gigabytes."""

MANY = 2**63
SMALL = replace(
    LIMITS,
    header_bytes=8192,
    tensors=3,
    metadata=3,
    string_bytes=100_000,
    text_bytes=2000,
    metadata_bytes=6_000,
    strings=600,
)


def nested(levels: int) -> bytes:
    return text("a") + struct.pack("<I", LIST) + struct.pack("<IQ", LIST, 1) * levels + struct.pack("<IQ", U8, 0)


def aligned(value: object, kind: int = U32) -> bytes:
    return gguf([scalar("general.alignment", kind, value)], [Tensor()], data=16)


def one(**fields: object) -> bytes:
    return gguf([], [Tensor(**fields)], data=4096)  # type: ignore[arg-type]


MALFORMED: dict[str, tuple[bytes, str]] = {
    "array of 2**40 bytes in 49": (HANGING, "a list of numbers needs 1,099,511,627,776 bytes; the file has 0 left"),
    "empty": (b"", "the magic number needs 4 bytes"),
    "not gguf": (gguf(magic=b"GGML"), "does not begin with GGUF"),
    "magic only": (b"GGUF", "the version needs 4 bytes"),
    "version 1": (gguf(version=1), "version 1 is not read"),
    "version 4": (gguf(version=4), "version 4 is not read"),
    "version 0": (gguf(version=0), "version 0 is not read"),
    "no counts": (b"GGUF" + struct.pack("<I", 3) + bytes(8), "the numbers of tensors and keys needs 16 bytes"),
    "keys beyond the limit": (gguf(pair_count=MANY), f"it declares {MANY:,} keys; at most"),
    "keys beyond the file": (gguf(pair_count=1000), "it declares 1,000 keys, more than"),
    "tensors beyond the limit": (gguf(tensor_count=MANY), f"it declares {MANY:,} tensors; at most"),
    "tensors beyond the file": (gguf(tensor_count=1000), "it declares 1,000 tensors, more than"),
    "key beyond the file": (gguf([struct.pack("<Q", 5000) + bytes(20)]), "a key needs 5,000 bytes"),
    "key beyond the limit": (gguf([struct.pack("<Q", 2**64 - 1) + bytes(20)]), "a key is 18,446,744,073,709,551,615"),
    "key empty": (gguf([scalar("", U8, 1) + bytes(8)]), "a key is empty"),
    "key twice": (gguf([scalar("a", U8, 1), scalar("a", U8, 1)]), "a key is given twice"),
    "key not utf-8": (gguf([scalar(b"\xff", U8, 1)]), "a key is not UTF-8"),
    "value type unknown": (gguf([text("a") + struct.pack("<I", 13) + bytes(9)]), "there is no value type 13"),
    "value cut off": (gguf([scalar("ab", U64, 1)], alignment=1)[:-1], "a value needs 8 bytes"),
    "text not utf-8": (gguf([scalar("a", TEXT, b"ab\xc3")]), "a text is not UTF-8"),
    "text beyond the file": (gguf([text("a") + struct.pack("<IQ", TEXT, 900) + b"b"]), "a text needs 900 bytes"),
    "text beyond the limit": (gguf([text("a") + struct.pack("<IQ", TEXT, 2**62) + b"b"]), "a text is 4,611,686"),
    "long text beyond the file": (
        gguf([text("a") + struct.pack("<IQ", TEXT, 100_000) + b"b"]),
        "a text needs 100,000 bytes",
    ),
    "truth value of 2": (gguf([scalar("a", BOOL, 2)]), "a truth value is 2"),
    "truth value of 255 in a list": (gguf([numbers("a", BOOL, [1, 255])]), "a truth value is 255"),
    "not a number": (gguf([scalar("a", F32, float("nan"))]), "a number is not finite"),
    "infinite in a list": (gguf([numbers("a", F64, [float("inf")])]), "a number is not finite"),
    "member type unknown": (gguf([array("a", 99, b"", 0)]), "there is no member type 99"),
    "few members beyond the file": (gguf([array("a", U64, b"", 500)]), "a list of numbers needs 4,000 bytes"),
    "texts beyond the limit": (gguf([array("a", TEXT, b"", 2**61)]), "lists have more than"),
    "texts beyond the file": (gguf([array("a", TEXT, b"", 1000)]), "a list of texts needs 8,000 bytes"),
    "text of a list beyond the file": (
        gguf([array("a", TEXT, struct.pack("<Q", 2**63) * 1000, 1000)]),
        "a list of texts has a string that ends outside the file",
    ),
    "last text of a list beyond the file": (
        gguf([array("a", TEXT, text("b") * 999 + struct.pack("<Q", 99), 1000)], alignment=1),
        "a list of texts has a string that ends outside the file",
    ),
    "short text of a list beyond the limit": (
        gguf([array("a", TEXT, struct.pack("<Q", 2**16 + 1), 1)]),
        "a text of a list is 65,537 bytes long",
    ),
    "lists three deep": (gguf([nested(2)]), "lists are more than 2 levels deep"),
    "lists 3,000 deep": (gguf([nested(3000)]), "lists are more than 2 levels deep"),
    "lists beyond the file": (gguf([array("a", LIST, b"", 1000)]), "a list declares 1,000 lists"),
    "lists beyond the limit": (gguf([array("a", LIST, b"", 2**60)]), "1,152,921,504,606,846,976 lists; at most 4,096"),
    "list of lists cut off": (
        gguf([array("a", LIST, struct.pack("<IQ", U8, 2**50), 1)]),
        "a list of numbers needs 1,125,899,906,842,624 bytes",
    ),
    "alignment 0": (aligned(0), "the alignment 0 is not a power of two"),
    "alignment 4": (aligned(4), "the alignment 4 is not a power of two"),
    "alignment 24": (aligned(24), "the alignment 24 is not a power of two"),
    "alignment of another type": (aligned(32, U16), "the alignment is not an unsigned 32-bit number"),
    "alignment beyond the file": (aligned(2**31), "a tensor's data end at byte 2,147,483,664, the file ends at"),
    "key of the reader": (gguf([scalar("GGUF.byte_order", TEXT, "little")]), "a key is reserved"),
    "tensor name not utf-8": (one(name=b"\xc3("), "a tensor's name is not UTF-8"),
    "tensor name too long": (one(name="n" * 65_536), "a tensor's name is 65,536 bytes long"),
    "tensor name beyond the file": (
        gguf([], [Tensor()], alignment=1).replace(text("a"), struct.pack("<Q", 60_000) + b"a"),
        "a tensor's name needs 60,000 bytes",
    ),
    "tensor twice": (gguf([], [Tensor(), Tensor(offset=32)], data=64), "two tensors have the same name"),
    "five dimensions": (one(sizes=(1,) * 5), "a tensor has 5 dimensions"),
    "2**32 - 1 dimensions": (one(dimensions=2**32 - 1), "a tensor has 4,294,967,295 dimensions"),
    "shape cut off": (
        gguf([], [Tensor(sizes=(), dimensions=4)], alignment=1),
        "a tensor's shape, type and offset needs",
    ),
    "elements overflow": (one(sizes=(2**32, 2**32)), "a tensor has 2**63 elements or more"),
    "dimension overflow beside 0": (one(sizes=(2**63, 0)), "a tensor has 2**63 elements or more"),
    "bytes overflow": (one(sizes=(2**61,)), "a tensor has 2**63 bytes or more"),
    "type withdrawn": (one(kind=4), "tensor type 4 was withdrawn"),
    "type unknown": (one(kind=43), "tensor type 43 does not exist"),
    "type beyond 31 bits": (one(kind=2**32 - 1), "tensor type 4294967295 does not exist"),
    "row of half a block": (one(sizes=(16, 2), kind=2), "a row of 16 weights does not consist of blocks of 32"),
    "scalar of a block type": (one(sizes=(), kind=12), "a row of 1 weights does not consist of blocks of 256"),
    "data not aligned": (one(offset=16), "a tensor's data are not at a multiple of 32"),
    "data behind the file": (one(offset=2**40), "a tensor's data end at byte 1,099,511,627,856, the file ends"),
    "data offset overflow": (one(offset=2**64 - 32), "a tensor's data end at byte 18,446,744,073,709,551,664"),
    "data cut off": (gguf([], [Tensor()], data=15), "a tensor's data end at byte 80, the file ends at 79"),
    "data overlap": (gguf([], [Tensor("a", (16,)), Tensor("b", (16,), 0, 32)], data=96), "data of two tensors overlap"),
    "data the same": (gguf([], [Tensor("a"), Tensor("b")], data=96), "data of two tensors overlap"),
}

LIMITED: dict[str, tuple[bytes, str]] = {
    "header": (
        gguf([array("a", U8, bytes(9000), 9000)]),
        "a list of numbers needs 9,000 bytes; the part of the file that is read has",
    ),
    "texts in the header": (
        gguf([array("a", TEXT, text("b" * 10) * 513, 513)]),
        "a list of texts has a string that ends outside the part of the file that is read",
    ),
    "keys": (gguf([scalar(f"k{index}", U8, 0) for index in range(4)]), "it declares 4 keys; at most 3"),
    "tensors": (gguf([], [Tensor(f"t{index}", (0,)) for index in range(4)]), "it declares 4 tensors; at most 3"),
    "text": (gguf([scalar("a", TEXT, "b" * 6_000)]), "keys and values exceed 6,000 bytes of text"),
    "wide text": (gguf([scalar("a", TEXT, "é" * 1_500)]), "keys and values exceed 6,000 bytes of text"),
    "names": (gguf([], [Tensor("n" * 2001)], data=16), "names and shapes of tensors take more than 2,000 bytes"),
    "kept numbers": (
        gguf([numbers(f"k{index}", U8, [1] * 512) for index in range(2)]),
        "keys and values exceed 6,000 bytes of text",
    ),
    "texts": (gguf([texts("a", ["b"] * 513), texts("c", ["b"] * 88)]), "lists have more than 600 texts"),
}


def reason(data: bytes, limits: object = LIMITS) -> str:
    with pytest.raises(InputError) as caught:
        read_part(BytesSource(data), limits)  # type: ignore[arg-type]
    (problem,) = caught.value.problems
    assert problem.code == "weights-malformed"
    assert problem.file == "model"
    assert problem.fix
    return problem.message


def test_given_the_file_that_hangs_another_reader_when_read_then_refused_in_milliseconds(tmp_path: Path) -> None:
    assert len(HANGING) == 49
    path = tmp_path / "a.gguf"
    path.write_bytes(HANGING)
    seconds = []
    for _ in range(3):
        began = time.process_time()
        with pytest.raises(InputError, match="at byte 49: a list of numbers needs"):
            read_header(path)
        seconds.append(time.process_time() - began)
    assert min(seconds) < 0.05


@pytest.mark.parametrize("kind", MALFORMED)
def test_given_a_malformed_file_when_read_then_refused_for_its_reason(kind: str) -> None:
    data, expected = MALFORMED[kind]
    message = reason(data)
    assert message.startswith("at byte ")
    assert expected in message


@pytest.mark.parametrize("kind", LIMITED)
def test_given_more_than_a_limit_when_read_then_refused_by_that_limit(kind: str) -> None:
    data, expected = LIMITED[kind]
    read_part(BytesSource(data))
    assert expected in reason(data, SMALL)


def test_given_every_malformed_file_when_read_then_memory_stays_small() -> None:
    tracemalloc.start()
    try:
        for data, _ in MALFORMED.values():
            with pytest.raises(InputError):
                read_part(BytesSource(data))
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def parts(folder: Path, counts: list[dict[str, object]], names: list[str] | None = None) -> list[Path]:
    """Parts with one tensor each; `counts` are the split keys of each part."""
    paths = []
    for number, keys in enumerate(counts):
        name = names[number] if names else f"m-{number + 1:05d}-of-{len(counts):05d}.gguf"
        pairs = [scalar(key, U16, value) for key, value in keys.items() if key != "tensor"]
        tensor = Tensor(str(keys.get("tensor", f"t{number}")))
        path = folder / name
        path.write_bytes(gguf(pairs, [tensor], data=16))
        paths.append(path)
    return paths


def split(number: int, count: int, **others: object) -> dict[str, object]:
    return {"split.no": number, "split.count": count, **others}


SPLITS: dict[str, tuple[list[dict[str, object]], list[str] | None, str]] = {
    "name without number": ([split(0, 2)], ["m.gguf"], "one of 2 parts, its name does not"),
    "name with another count": ([split(0, 2)], ["m-00001-of-00003.gguf"], "one of 2 parts, its name does not"),
    "number only in the name": ([{}], ["m-00001-of-00003.gguf"], "its name says that it is one of 3 parts"),
    "the same part twice": ([split(0, 2), split(0, 2)], None, "does not say that it is part 2"),
    "another count": ([split(0, 2), split(1, 3)], None, "does not say that there are 2 parts"),
    "part of nothing": ([split(0, 2), {}], None, "does not say that it is part 2"),
    "tensors missing": ([split(0, 2, **{"split.tensors.count": 3}), split(1, 2)], None, "declare 3 tensors"),
    "tensor in both": ([split(0, 2, tensor="a"), split(1, 2, tensor="a")], None, "tensor of the same name"),
    "too many parts": ([split(0, 5000)], ["m-00001-of-05000.gguf"], "it has 5,000 parts"),
}


@pytest.mark.parametrize("kind", SPLITS)
def test_given_parts_that_do_not_belong_together_when_read_then_refused(tmp_path: Path, kind: str) -> None:
    keys, names, expected = SPLITS[kind]
    with pytest.raises(InputError, match=expected):
        read_header(parts(tmp_path, keys, names)[0])


def test_given_a_count_that_is_no_number_when_read_then_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf([scalar("split.count", TEXT, "2")]))
    with pytest.raises(InputError, match="the number of parts is not a whole number"):
        read_header(path)


def test_given_a_missing_part_or_a_link_when_read_then_the_part_is_named(tmp_path: Path) -> None:
    first, second = parts(tmp_path, [split(0, 2), split(1, 2)])
    elsewhere = tmp_path / "elsewhere"
    second.rename(elsewhere)
    with pytest.raises(InputError) as caught:
        read_header(first)
    assert (caught.value.problems[0].code, caught.value.problems[0].file) == ("file-not-found", str(second))
    second.symlink_to(elsewhere)
    with pytest.raises(InputError, match="is a link") as caught:
        read_header(first)
    assert caught.value.problems[0].file == str(second)
    read_header_of_link = tmp_path / "link.gguf"
    read_header_of_link.symlink_to(elsewhere)
    with pytest.raises(InputError, match="its name does not"):  # a link that the user names is followed
        read_header(read_header_of_link)


def test_given_what_is_no_file_when_read_then_said_so(tmp_path: Path) -> None:
    for path, code in ((tmp_path, "not-a-file"), (tmp_path / "none.gguf", "file-not-found")):
        with pytest.raises(InputError) as caught:
            read_header(path)
        assert caught.value.problems[0].code == code


def seeds() -> list[bytes]:
    pairs = [scalar("general.architecture", TEXT, "llama"), scalar("general.alignment", U32, 32)]
    pairs += [texts("tokens", ["ab"] * 600), numbers("kv", U32, [8, 8]), scalar("b", BOOL, 1), scalar("f", F32, 0.5)]
    pairs.append(array("nested", LIST, struct.pack("<IQ", U8, 2) + bytes(2), 1))
    tensors = [Tensor("a", (256, 2), 12), Tensor("b", (4, 4), 0, 288), Tensor("c", (32,), 39, 352)]
    little = gguf(pairs[:2] + pairs[3:], tensors, data=369)
    big = gguf([scalar("k", TEXT, "v", ">")], [Tensor("a", (32, 3), 8)], data=102, order=">", version=2)
    return [little, big, gguf(pairs), gguf([], [Tensor()], data=16)]


def test_given_damaged_files_when_read_then_only_refused_or_answered() -> None:
    def read(data: bytes) -> Part:
        return read_part(BytesSource(data))

    for seed in seeds():
        read(seed)
    answered, refused = survive(read, mutations(seeds(), 6000))
    assert refused > 1500
    assert answered > 500
