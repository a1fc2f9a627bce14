"""Where a model's files lie: a path of this machine, or a file or folder that a server has.

Readers go from one file to those beside it and take neither apart, so a place on a server needs to be no more than
what they ask of `pathlib.Path`, and a way to get at bytes. Nothing here knows how those come.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

from msgspec import Struct


class Source(Protocol):
    """Bytes that can be read in pieces: a file, and whatever else can be asked for a range."""

    @property
    def name(self) -> str:
        """What a message calls it."""

    @property
    def size_bytes(self) -> int:
        """All of it, tensor data included."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly `length` bytes; the caller has compared them with the size."""


class Origin(Struct, frozen=True):
    """What a descriptor says about where a folder comes from.

    name      from which the model is named
    uri       of the folder, or of the repository that it is a part of
    revision  commit of the repository; None where there is none
    inside    the folder's path inside the repository, with a slash at the end; empty at its top
    listed    whether a file in it can be found without being named
    """

    name: str
    uri: str
    revision: str | None = None
    inside: str = ""
    listed: bool = True


class RemotePlace(Protocol):
    """A file or folder on a server. As text it is its address."""

    @property
    def name(self) -> str:
        """The last part of its path."""

    @property
    def parent(self) -> Self:
        """The folder around it."""

    @property
    def origin(self) -> Origin:
        """Of a folder."""

    def __truediv__(self, name: str) -> Self:
        """What is called `name` in a folder; parts of a longer name are divided by slashes."""

    def with_name(self, name: str) -> Self:
        """What is called `name` beside this one."""

    def exists(self) -> bool:
        """Is there a file or folder?"""

    def is_file(self) -> bool:
        """Is there a file?"""

    def is_dir(self) -> bool:
        """Is there a folder?"""

    def is_symlink(self) -> bool:
        """Never: servers have none."""

    def size_bytes(self) -> int | None:
        """Of a file; None where there is none."""

    def names(self) -> list[str]:
        """What lies in a folder, sorted."""

    def open(self) -> Source:
        """A file, for reading pieces of it; what was read once is not transferred again."""

    def read_bytes(self, limit_bytes: int) -> bytes:
        """A small file as a whole. A larger one is an error before it is asked for."""


Place = Path | RemotePlace
