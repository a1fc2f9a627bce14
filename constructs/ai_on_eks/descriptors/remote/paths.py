"""A file or folder on a server, with as much of `pathlib.Path` as the readers ask for (`places.RemotePlace`)."""

from __future__ import annotations

from typing import Protocol, Self

from msgspec import Struct

from ai_on_eks.descriptors.places import Origin, Source


class Files(Protocol):
    """What a server has, by paths with slashes; the top is the empty path."""

    def shown(self, path: str) -> str:
        """The address, for messages."""

    def origin(self, folder: str) -> Origin:
        """What a descriptor says about a folder."""

    def size_bytes(self, path: str) -> int | None:
        """Of a file; None where there is none."""

    def is_folder(self, path: str) -> bool:
        """Is there a folder?"""

    def names(self, folder: str) -> list[str]:
        """What lies in a folder, sorted."""

    def open(self, path: str) -> Source:
        """A file that there is."""

    def read_bytes(self, path: str, limit_bytes: int) -> bytes:
        """The whole of a file."""


class RemotePath(Struct, frozen=True):
    """`path` of `files`."""

    files: Files
    path: str

    def __str__(self) -> str:
        return self.files.shown(self.path)

    def __truediv__(self, name: str) -> Self:
        return type(self)(self.files, f"{self.path}/{name}" if self.path else name)

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def parent(self) -> Self:
        return type(self)(self.files, self.path.rpartition("/")[0])

    @property
    def origin(self) -> Origin:
        return self.files.origin(self.path)

    def with_name(self, name: str) -> Self:
        return self.parent / name

    def exists(self) -> bool:
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        return self.size_bytes() is not None

    def is_dir(self) -> bool:
        return self.files.is_folder(self.path)

    def is_symlink(self) -> bool:
        return False

    def size_bytes(self) -> int | None:
        return self.files.size_bytes(self.path)

    def names(self) -> list[str]:
        return self.files.names(self.path)

    def open(self) -> Source:
        return self.files.open(self.path)

    def read_bytes(self, limit_bytes: int) -> bytes:
        return self.files.read_bytes(self.path, limit_bytes)
