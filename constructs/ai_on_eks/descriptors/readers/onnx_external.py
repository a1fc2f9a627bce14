"""Tensor data that an ONNX file keeps in other files: asked for its size, never opened.

location   a relative path inside the model's folder. Every component is entered by handle without following
           links, so that no link and no race can lead outside; the last one is a regular file with one name
link       only one of the hub's cache, to a file of the same repository (`hub_cache`)
absent     a model may be sized before its weights are downloaded: the header alone then tells the bytes
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from ai_on_eks.descriptors.hub_cache import cached_file
from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.readers.limits import Limits
from ai_on_eks.errors import InputError

MAX_COMPONENTS = 16
"""Folders inside each other."""

IN_MEMORY = "*/_ORT_MEM_ADDR_/*"
"""What a runtime writes for an address of its own memory; in a file it would be read from there."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC

Reject = Callable[[str], InputError]


@dataclass(slots=True)
class ExternalData:
    """The files that one model names, each looked up once. `sizes[location]` is None for a file that is absent."""

    folder: Place
    limits: Limits
    sizes: dict[str, int | None] = field(default_factory=dict)
    stored_bytes: int = 0
    _handle: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def count(self, location: str, offset: int, length: int, reject: Reject) -> None:
        """Notes that `length` bytes at `offset` of a file belong to the model."""
        if location not in self.sizes:
            if len(self.sizes) >= self.limits.files:
                raise reject(f"external data in more than {self.limits.files:,} files")
            components = _components(location, reject)
            if isinstance(self.folder, Path):
                self.sizes[location] = self._size(self.folder, components, reject)
            else:
                self.sizes[location] = (self.folder / "/".join(components)).size_bytes()
        size = self.sizes[location]
        if size is not None and offset + length > size:
            raise reject(f"external data ends at {offset + length:,}; its file has {size:,} bytes")
        self.stored_bytes += length

    def _size(self, top: Path, components: list[str], reject: Reject) -> int | None:
        opened: list[int] = []
        try:
            if self._handle is None:
                self._handle = os.open(top, _FOLDER)
            folder = self._handle
            for name in components[:-1]:
                folder = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
                opened.append(folder)
            status = os.stat(components[-1], dir_fd=folder, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode) and (cached := cached_file(top.joinpath(*components))) is not None:
                status = os.stat(cached, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise reject("the folder of the external data is no folder of the model, or a link") from None
        finally:
            for handle in opened:
                os.close(handle)
        if stat.S_ISLNK(status.st_mode):
            raise reject("the file of the external data is a symbolic link")
        if not stat.S_ISREG(status.st_mode):
            raise reject("the file of the external data is not a regular file")
        if status.st_nlink != 1:
            raise reject("the file of the external data has a second name (hard link)")
        return status.st_size


def _components(location: str, reject: Reject) -> list[str]:
    """The path taken apart; only names that mean the same on every system."""
    if location == IN_MEMORY:
        raise reject("external data at an address of memory")
    if not location:
        raise reject("external data without a location")
    if "\0" in location or "\\" in location or ":" in location:
        raise reject("the location of external data has a character that no plain path has")
    if location.startswith("/"):
        raise reject("the location of external data is absolute")
    components = [name for name in location.split("/") if name not in {"", "."}]
    if ".." in components:
        raise reject("the location of external data leads out of the folder")
    if not components or location.endswith(("/", "/.")):
        raise reject("the location of external data names a folder")
    if len(components) > MAX_COMPONENTS:
        raise reject(f"the location of external data has more than {MAX_COMPONENTS} folders")
    return components
