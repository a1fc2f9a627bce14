"""Damage to files, and what a reader may do with a damaged one: answer or refuse, soon."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from ai_on_eks.errors import InputError

EXTREMES = (b"\xff" * 8, b"\x00" * 8, b"\x00" * 7 + b"\x80", b"\xff" * 7 + b"\x7f", b"\x00\x00\x00\x00\x01\x00\x00\x00")
SLOWEST_SECONDS = 0.5
"""Ten times what is promised on an idle machine: the suite runs beside others."""


class BytesSource(Struct, frozen=True):
    """A file in memory."""

    data: bytes
    name: str = "model"

    @property
    def size_bytes(self) -> int:
        return len(self.data)

    def read_at(self, offset: int, length: int) -> bytes:
        piece = self.data[offset : offset + length]
        assert len(piece) == length, "the reader asked for bytes that the file does not have"
        return piece


def mutations(seeds: Sequence[bytes], count: int) -> Iterator[bytes]:
    """`count` damaged copies, the same in every run."""
    chance = random.Random(20_261_124)  # noqa: S311 - damage, not secrets
    for _ in range(count):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 4))):
            _damage(data, seeds, chance)
        yield bytes(data)


def survive(read: Callable[[bytes], object], damaged: Iterator[bytes]) -> tuple[int, int]:
    """How many were answered and how many refused; anything else fails."""
    answered = refused = 0
    for data in damaged:
        began = time.process_time()
        try:
            read(data)
            answered += 1
        except InputError as error:
            if {problem.code for problem in error.problems} != {"weights-malformed"}:
                raise AssertionError(f"{error} for {data!r}") from error
            refused += 1
        except Exception as error:
            raise AssertionError(f"{error!r} escaped for {data!r}") from error
        assert time.process_time() - began < SLOWEST_SECONDS, data
    return answered, refused


def _damage(data: bytearray, seeds: Sequence[bytes], chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    kind = chance.randrange(7)
    if kind == 0 and data:
        data[at % len(data)] ^= 1 << chance.randrange(8)
    elif kind == 1 and data:
        data[at % len(data)] = chance.randrange(256)
    elif kind == 2:
        del data[at:]
    elif kind == 3:
        data += chance.randbytes(chance.randrange(1, 64))
    elif kind == 4:
        data[at : at + 8] = chance.choice(EXTREMES)
    elif kind == 5:
        other = chance.choice(seeds)
        data[at:at] = other[chance.randrange(len(other)) :][: chance.randrange(1, 64)]
    else:
        del data[at : at + chance.randrange(1, 16)]
