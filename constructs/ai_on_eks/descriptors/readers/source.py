"""Where a header's bytes come from: a name, a size and a way to read a piece.

    path given by the user    any regular file; links above or at it are the user's own
    file named by a file      a plain name in the same folder, opened without following a link, regular
    link of the hub's cache   stands for a file of the same repository, which is opened in its place (`hub_cache`)

A name inside an untrusted file must not lead out of its folder, neither by its letters nor by a link of that name.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ai_on_eks.descriptors.document import refuse
from ai_on_eks.descriptors.hub_cache import cached_file
from ai_on_eks.descriptors.places import Place, Source
from ai_on_eks.descriptors.readers.limits import malformed

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)

_PLAIN_NAME = re.compile(r"[^/\\:\x00-\x1f\x7f-\x9f]{1,255}")


class FileSource:
    """An open regular file. Nothing is mapped: a file cut short while it is read is an error, not a signal."""

    __slots__ = ("_handle", "name", "size_bytes")

    def __init__(self, handle: int, name: str, size_bytes: int) -> None:
        self._handle = handle
        self.name = name
        self.size_bytes = size_bytes

    def read_at(self, offset: int, length: int) -> bytes:
        try:
            os.lseek(self._handle, offset, os.SEEK_SET)
            data = os.read(self._handle, length)
            while 0 < len(data) < length and (more := os.read(self._handle, length - len(data))):
                data += more
        except OSError as error:
            reason = (error.strerror or "unknown").lower()
            raise refuse("file-not-readable", f"cannot be read: {reason}", self.name, fix="check the disk") from None
        if len(data) < length:
            raise malformed(self.name, offset + len(data), "the file became shorter while it was read")
        return data


def is_plain_name(name: str) -> bool:
    """Whether `name` can only be an entry of the folder it is looked up in."""
    return _PLAIN_NAME.fullmatch(name) is not None and name not in {".", ".."}


@contextmanager
def open_source(path: Place) -> Iterator[Source]:
    """The file at a place that the user gave."""
    if not isinstance(path, Path):
        yield path.open()
        return
    with _open(path, str(path), _FLAGS) as source:
        yield source


@contextmanager
def open_beside(path: Place, name: str) -> Iterator[Source]:
    """The file `name`, a plain name, in the folder of `path`; a link of that name is refused, save for the cache's."""
    if not is_plain_name(name):
        raise ValueError("not a plain name; the caller checks it where it knows the offset")
    beside = path.with_name(name)
    if not isinstance(beside, Path):
        if not beside.is_file():
            raise refuse("file-not-found", "there is no such file", str(beside), fix="check the path")
        yield beside.open()
        return
    with _open(_behind_link(beside), str(beside), _FLAGS | _NO_FOLLOW) as source:
        yield source


class NotAFileError(Exception):
    """What a name stands for is a link or no regular file."""


def size_beside(path: Place, name: str) -> int | None:
    """Bytes of the file `name`, a plain name, in the folder of `path`; None where there is none."""
    beside = path.with_name(name)
    if not isinstance(beside, Path):
        return beside.size_bytes()
    try:
        status = os.stat(cached_file(beside) or beside if beside.is_symlink() else beside, follow_symlinks=False)
    except OSError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError
    return status.st_size


def _behind_link(path: Path) -> Path:
    if not path.is_symlink():  # also asked where the platform lacks the flag
        return path
    found = cached_file(path)
    if found is None:
        fix = "put the file itself there, or name the folder of the hub's cache that the link belongs to"
        raise refuse("file-not-readable", "is a link; parts of a model are not followed", str(path), fix=fix)
    return found


@contextmanager
def _open(path: Path, name: str, flags: int) -> Iterator[FileSource]:
    try:
        handle = os.open(path, flags)
    except FileNotFoundError:
        raise refuse("file-not-found", "there is no such file", name, fix="check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse("file-not-readable", f"cannot be opened: {reason.lower()}", name, fix="check the path") from None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise refuse("not-a-file", "is not a regular file", name, fix="name a file")
        yield FileSource(handle, name, status.st_size)
    finally:
        os.close(handle)
