"""A file read by ranges: the bytes are the file's, and few requests are made for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ai_on_eks.descriptors.remote.ranges import FIRST_BYTES, MOST_BYTES, BytesSource, RangeSource, RecentSources
from ai_on_eks.descriptors.remote.transport import Piece
from ai_on_eks.errors import InputError

SIZE = 40 * 2**20


class File:
    """A file on a server; bytes follow from their offsets, so that nothing of that size is made."""

    def __init__(self, size: int = SIZE) -> None:
        self.size = size
        self.asked: list[tuple[int, int]] = []
        self.source = RangeSource("m", size, self.fetch)

    def fetch(self, start: int, end: int) -> Piece:
        self.asked.append((start, end))
        assert 0 <= start < end <= self.size
        return Piece(start, content(start, end), self.size, "")


def content(start: int, end: int) -> bytes:
    """Each offset divided by 251: no two neighbouring blocks are equal."""
    first = start // 251 * 251
    block = b"".join(bytes([number % 256]) * 251 for number in range(first // 251, end // 251 + 1))
    return block[start - first : end - first]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 3 * 10**5)), max_size=12), st.integers(1, 10**6))
def test_given_any_reads_then_the_bytes_are_those_of_the_file(reads: list[tuple[int, int]], size: int) -> None:
    file = File(size)
    for offset, length in reads:
        start = min(offset, size)
        end = min(start + length, size)
        assert file.source.read_at(start, end - start) == content(start, end)


def test_given_a_header_read_on_and_on_then_requests_grow_with_its_logarithm() -> None:
    file = File()
    for offset in range(0, 16 * 2**20, 256 * 2**10):
        file.source.read_at(offset, 256 * 2**10)
    assert len(file.asked) <= 12
    assert file.asked[-1][1] <= 16 * 2**20 + MOST_BYTES
    assert all(before[1] == after[0] for before, after in zip(file.asked, file.asked[1:], strict=False))


def test_given_reads_far_apart_then_each_takes_a_small_piece() -> None:
    file = File()
    for offset in range(0, SIZE, 10 * 2**20):
        file.source.read_at(offset, 40)
    assert [end - start for start, end in file.asked] == [FIRST_BYTES] * 4


def test_given_a_table_read_from_its_end_then_one_piece_holds_it() -> None:
    file = File(FIRST_BYTES // 2)
    for offset in range(FIRST_BYTES // 2 - 8, 0, -100):
        file.source.read_at(offset, 8)
    assert file.asked == [(0, FIRST_BYTES // 2)]


def test_given_pieces_that_are_kept_then_nothing_is_asked_for_twice() -> None:
    file = File()
    for _ in range(3):
        for offset in (0, SIZE - 10, SIZE // 2):
            file.source.read_at(offset, 10)
    assert len(file.asked) == 3


def test_given_a_whole_file_then_its_pieces_are_its_bytes() -> None:
    source = BytesSource("m", b"abcdef")
    assert (source.size_bytes, source.read_at(2, 3), source.read_at(6, 0)) == (6, b"cde", b"")


def test_given_many_files_then_the_last_few_stay_in_memory() -> None:
    made: list[str] = []

    def make(path: str) -> BytesSource | None:
        made.append(path)
        return None if path == "absent" else BytesSource(path, b"")

    recent = RecentSources()
    for path in ("a", "b", "a", "c", "d", "e", "a", "b", "absent", "absent"):
        recent.get(path, make)
    assert made == ["a", "b", "c", "d", "e", "b", "absent", "absent"]


def test_given_a_file_that_grows_then_it_is_told() -> None:
    file = File()
    file.source.read_at(0, 10)
    file.size += 1
    with pytest.raises(InputError) as caught:
        file.source.read_at(SIZE // 2, 10)
    assert caught.value.problems[0].code == "remote-changed"
