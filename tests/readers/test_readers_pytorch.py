"""PyTorch archives as torch writes them, made by the zipfile module; broken ones by hand."""

from __future__ import annotations

import struct
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from readers_mutation import mutations, survive

from ai_on_eks.descriptors.readers.pytorch import read_header
from ai_on_eks.descriptors.readers.types import WeightHeader
from ai_on_eks.errors import InputError

STATE_DICT = {
    "data.pkl": b"\x80\x02}q\x00.",
    "byteorder": b"little",
    "data/0": bytes(4_096),
    "data/1": bytes(64),
    "version": b"3\n",
    ".data/serialization_id": b"0" * 40,
}
SCRIPT = {
    "data.pkl": b"\x80\x02}q\x00.",
    "code/__torch__/net.py": b"class Net(Module):\n" * 20,
    "constants.pkl": b"\x80\x02)\x85.",
    "constants/0": bytes(128),
    "data/0": bytes(256),
    "version": b"3\n",
}


def archive(path: Path, entries: Mapping[str, bytes], top: str = "archive", *, deflate: tuple[str, ...] = ()) -> Path:
    with zipfile.ZipFile(path, "w") as made:
        for name, data in entries.items():
            how = zipfile.ZIP_DEFLATED if name.startswith(deflate or "\0") else zipfile.ZIP_STORED
            made.writestr(f"{top}/{name}" if top else name, data, how)
    return path


def test_given_a_state_dict_when_read_then_storages_are_counted(tmp_path: Path) -> None:
    header = read_header(archive(tmp_path / "pytorch_model.bin", STATE_DICT, "pytorch_model"))
    assert header == WeightHeader(
        "pytorch", (), {"kind": "state-dict", "storage_bytes": 4_160, "storages": 2}, ("pytorch_model.bin",)
    )


def test_given_a_script_when_read_then_it_is_told_apart(tmp_path: Path) -> None:
    header = read_header(archive(tmp_path / "model.pt", SCRIPT, deflate=("code/",)))
    assert header.metadata == {"kind": "torchscript", "storage_bytes": 384, "storages": 2}


def test_given_an_exported_program_when_read_then_it_is_called_one(tmp_path: Path) -> None:
    program = {
        "archive_format": b"pt2",
        "archive_version": b"0",
        "models/model.json": b"{}",
        "data/weights/weight_0": b"",
    }
    with pytest.raises(InputError, match="AOTInductor") as caught:
        read_header(archive(tmp_path / "model.pt", program))
    assert caught.value.problems[0].code == "source-not-supported"


def test_given_a_comment_behind_the_archive_when_read_then_the_directory_is_found(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.pt", STATE_DICT)
    with zipfile.ZipFile(path, "a") as made:
        made.comment = b"PK\x05\x06" * 100  # looks like ends of a directory
    assert read_header(path).metadata["storages"] == 2


def test_given_a_storage_of_five_gigabytes_when_read_then_its_wide_size_counts(tmp_path: Path) -> None:
    """A hole on disk, described by zip64 records as zipfile and torch write them."""
    size = 5 * 2**30
    path = tmp_path / "model.pt"
    pickled, storage = b"a/data.pkl", b"a/data/0"
    with path.open("wb") as file:
        file.write(local(pickled, 1) + b".")
        storage_at = file.tell()
        file.write(local(storage, 2**32 - 1))
        file.seek(size, 1)
        directory_at = file.tell()
        wide = struct.pack("<2H2Q", 1, 16, size, size)
        directory = entry(pickled, 1, 1, 0) + entry(storage, 2**32 - 1, 2**32 - 1, storage_at, extra=wide)
        end_at = directory_at + len(directory)
        file.write(directory)
        file.write(struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 2, 2, len(directory), directory_at))
        file.write(struct.pack("<4sLQL", b"PK\x06\x07", 0, end_at, 1))
        file.write(end(2**16 - 1, 2**32 - 1, 2**32 - 1))
    assert read_header(path).metadata["storage_bytes"] == size
    with zipfile.ZipFile(path) as made:
        assert made.getinfo("a/data/0").file_size == size


def test_given_a_bare_pickle_when_read_then_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    for protocol in (2, 5):
        path.write_bytes(bytes([0x80, protocol]) + b"}q\x00X\x01\x00\x00\x00wq\x01" * 20 + b".")
        problem = refusal(path)
        assert problem == ("source-not-supported", "is a pickle without an archive")
    with tarfile.open(path, "w") as made:
        made.add(__file__, "storages")
    assert refusal(path)[0] == "source-not-supported"
    with pytest.raises(InputError, match="convert the weights to safetensors"):
        read_header(path)


def refusal(path: Path) -> tuple[str, str]:
    """Code of the only problem, and its message up to what varies."""
    with pytest.raises(InputError) as caught:
        read_header(path)
    (problem,) = caught.value.problems
    return problem.code, problem.message.partition(";")[0]


def local(name: bytes, size: int) -> bytes:
    return struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, 0, size, size, len(name), 0) + name


def entry(
    name: bytes,
    compressed: int,
    size: int,
    at: int,
    *,
    method: int = 0,
    flags: int = 0,
    disk: int = 0,
    extra: bytes = b"",
) -> bytes:
    head = (b"PK\x01\x02", 20, 20, flags, method, 0, 0, 0, compressed, size, len(name), len(extra), 0, disk, 0, 0, at)
    return struct.pack("<4s6H3L5H2L", *head) + name + extra


def end(entries: int, size: int, at: int, *, disk: int = 0, comment: int = 0) -> bytes:
    return struct.pack("<4s4H2LH", b"PK\x05\x06", disk, disk, entries, entries, size, at, comment)


BODY = bytes(200)


def broken(
    *entries: bytes, count: int | None = None, size: int | None = None, tail: bytes = b"", disk: int = 0
) -> bytes:
    """200 bytes, a directory of `entries` and its end."""
    directory = b"".join(entries)
    length = len(directory) if size is None else size
    return BODY + directory + tail + end(len(entries) if count is None else count, length, len(BODY), disk=disk)


def locator(at: int, disks: int = 1) -> bytes:
    return struct.pack("<4sLQL", b"PK\x06\x07", 0, at, disks)


GOOD = entry(b"a/data.pkl", 1, 1, 0)
MALFORMED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "too short for a zip archive"),
    "text": (b"version https://git-lfs.github.com/spec/v1\n", "no end of a zip directory"),
    "cut": (broken(GOOD)[:-1], "no end of a zip directory"),
    "comment beyond the end": (BODY + end(0, 0, 200, comment=5), "no end of a zip directory"),
    "bytes after the end": (broken(GOOD) + b"x", "no end of a zip directory"),
    "no entries": (broken(), "do not lie below one folder"),
    "directory elsewhere": (broken(GOOD, size=1), "the directory ends at 201; expected is 256"),
    "directory shorter than its entries": (broken(GOOD, count=2), "too short for its 2 entries"),
    "directory longer than its entries": (broken(GOOD, entry(b"a/b", 0, 0, 0), count=1), "longer than its entries"),
    "16,384 entries": (broken(GOOD, count=16_384), "too short for its 16,384 entries"),
    "65,535 entries": (broken(GOOD, count=65_535), "more than 16,384 entries"),
    "other disk": (broken(GOOD, disk=1), "split over several disks"),
    "entry on another disk": (broken(entry(b"a/b", 1, 1, 0, disk=1)), "lies on another disk"),
    "locator of several disks": (broken(GOOD, tail=locator(0, 2)), "split over several disks"),
    "locator beyond the file": (broken(GOOD, tail=locator(2**63)), "record lies outside the file"),
    "locator to nothing": (broken(GOOD, tail=bytes(56) + locator(256)), "no zip64 record where"),
    "no signature": (broken(b"PK\x01\x03" + GOOD[4:]), "no entry of a directory"),
    "name beyond the directory": (broken(GOOD[:28] + b"\xff\x0f" + GOOD[30:]), "name is longer than the directory"),
    "name too long": (broken(entry(b"a" * 5_000, 0, 0, 0)), "5,000 bytes; at most 4,096"),
    "name not UTF-8": (broken(entry(b"a/\xff", 0, 0, 0)), "is not UTF-8"),
    "name empty": (broken(entry(b"", 0, 0, 0)), "is empty or has a character"),
    "name with NUL": (broken(entry(b"a/\0", 0, 0, 0)), "is empty or has a character"),
    "name with backslash": (broken(entry(b"a\\..\\b", 0, 0, 0)), "is empty or has a character"),
    "absolute name": (broken(entry(b"/etc/passwd", 0, 0, 0)), "is an absolute path"),
    "name with a drive": (broken(entry(b"C:/x", 0, 0, 0)), "is an absolute path"),
    "name leading out": (broken(entry(b"a/../../x", 0, 0, 0)), "leads out of the archive"),
    "two of one name": (broken(entry(b"a/b", 1, 1, 0), entry(b"a/b", 1, 1, 100)), "two entries have one name"),
    "encrypted": (broken(entry(b"a/b", 1, 1, 0, flags=1)), "is encrypted"),
    "unknown compression": (broken(entry(b"a/b", 1, 1, 0, method=14)), "compression 14 is neither"),
    "compressed storage": (broken(GOOD, entry(b"a/data/0", 9, 90, 60, method=8)), "a storage is compressed"),
    "stored with two sizes": (broken(entry(b"a/b", 1, 9, 0)), "a stored entry has 1 bytes and says 9"),
    "bomb": (broken(entry(b"a/b", 10, 2**32 - 2, 0, method=8)), "unpacks to more than its bytes can hold"),
    "entry beyond the directory": (broken(entry(b"a/b", 500, 500, 0)), "the directory begins at 200"),
    "entry at 4 GB": (broken(entry(b"a/b", 1, 1, 2**32 - 2)), "the directory begins at 200"),
    "entries inside each other": (broken(GOOD, entry(b"a/b", 50, 50, 20)), "lies inside another"),
    "wide entry without sizes": (broken(entry(b"a/b", 2**32 - 1, 2**32 - 1, 0)), "zip64 entry without its sizes"),
    "wide entry with one size": (
        broken(entry(b"a/b", 2**32 - 1, 2**32 - 1, 0, extra=struct.pack("<2HQ", 1, 8, 5))),
        "zip64 entry without its sizes",
    ),
    "wide entry of 2**63 bytes": (
        broken(entry(b"a/b", 2**32 - 1, 2**32 - 1, 0, extra=struct.pack("<2H2Q", 1, 16, 2**63, 2**63))),
        "an entry ends at 9,223,372,036,854,775,841",
    ),
    "no data.pkl": (broken(entry(b"a/b", 1, 1, 0)), "none of PyTorch's"),
    "two folders": (broken(GOOD, entry(b"b/data/0", 1, 1, 60)), "do not lie below one folder"),
    "no folder": (broken(entry(b"data.pkl", 1, 1, 0)), "do not lie below one folder"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_given_a_malformed_archive_when_read_then_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    data, reason = MALFORMED[name]
    path = tmp_path / "model.pt"
    path.write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_header(path)
    (problem,) = caught.value.problems
    assert problem.code == "weights-malformed"
    assert reason in problem.message


def test_given_an_archive_of_two_files_of_one_name_when_written_by_zipfile_then_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.pt", STATE_DICT)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as made:
        made.writestr("archive/data/0", bytes(9_999))
    assert "two entries have one name" in refusal(path)[1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(0, 300), max_size=30),
    st.text("abcdefgh_-0123", min_size=1, max_size=9),
    st.binary(max_size=50),
)
def test_given_any_storages_when_written_then_read_back(
    tmp_path: Path, sizes: list[int], top: str, comment: bytes
) -> None:
    path = archive(
        tmp_path / "model.pt", {"data.pkl": b".", **{f"data/{i}": bytes(n) for i, n in enumerate(sizes)}}, top
    )
    with zipfile.ZipFile(path, "a") as made:
        made.comment = comment
    assert read_header(path).metadata == {
        "kind": "state-dict",
        "storage_bytes": sum(sizes),
        "storages": len(sizes),
    }


def test_given_three_thousand_mutations_when_read_then_only_typed_errors(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    small = {name: data[:40] for name, data in STATE_DICT.items()}
    seeds = [
        archive(path, small).read_bytes(),
        archive(path, SCRIPT, deflate=("code/",)).read_bytes(),
        broken(entry(b"a/b", 2**32 - 1, 2**32 - 1, 0, extra=struct.pack("<2H2Q", 1, 16, 5, 5))),
        broken(GOOD, tail=struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 56, 200) + locator(256)),
    ]

    def read(data: bytes) -> WeightHeader:
        path.write_bytes(data if not data.startswith(b"\x80") else b"P")
        return read_header(path)

    answered, refused = survive(read, mutations(seeds, 3_000))
    assert answered > 100
    assert refused > 500
