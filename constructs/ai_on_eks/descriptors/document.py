"""A file as read: its value and the line of everything in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from ai_on_eks.descriptors.places import Place
from ai_on_eks.errors import InputError, Problem

MAX_DEPTH = 32
"""Levels of nesting. A descriptor has 4, a published config.json at most 6; deeper input only costs stack."""

MAX_NODES = 100_000
"""Keys, values and containers together. The largest published config.json has about 5,000 (1,000 labels, twice)."""

MAX_DIGITS = 19
"""Digits of an integer: everything below 2**63. Longer ones take quadratic time to convert."""

MAX_KEY_CHARACTERS = 256
"""Characters of a key. Each value below repeats the keys above it in its path."""

MAX_PATH_CHARACTERS = 512
"""Longer paths are not remembered: 100,000 of them would need more memory than the file could ever justify."""

_NOT_OPENED = frozenset({"file-not-found", "file-not-readable", "not-a-file"})


class Document(Struct, frozen=True):
    """`lines` maps a dotted path (`serving.concurrency`, `tags[2]`) to its line; '' is the whole."""

    file: str
    value: Any
    lines: Mapping[str, int] = field(default_factory=dict)

    def line(self, path: str) -> int | None:
        """The line of `path`, or of the nearest container around it."""
        while path and path not in self.lines:
            cut = max(path.rfind("."), path.rfind("["))
            path = path[:cut] if cut > 0 else ""
        return self.lines.get(path)


def join(path: str, key: str | int) -> str:
    """`join('a', 'b') == 'a.b'`, `join('a', 2) == 'a[2]'`."""
    if isinstance(key, int):
        return f"{path}[{key}]"
    return f"{path}.{key}" if path else key


def read_text(path: Place, limit_bytes: int) -> str:
    """The text of a file of at most `limit_bytes`, checked before it is read. UTF-8 only."""
    name = str(path)
    data = _read_file(path, limit_bytes) if isinstance(path, Path) else path.read_bytes(limit_bytes)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"is not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}"
        raise refuse("not-utf-8", message, name, line, fix="save the file as UTF-8") from None


def refuse(
    code: str, message: str, file: str, line: int | None = None, *, path: str | None = None, fix: str | None = None
) -> InputError:
    """An error with one problem, for what makes the rest of the file unreadable."""
    return InputError(Problem(code=code, message=message, file=file, line=line, path=path or None, fix=fix))


def named_in(error: InputError, path: str, name: str) -> InputError:
    """A file that cannot be opened is a mistake of the file that names it; a fault inside it stays where it is.

    `path` is the key that holds `name`. File and line are added by whoever reads the naming file.
    """
    return InputError(
        [
            replace(problem, file=None, path=path, value=name, message=f"'{name}': {problem.message}")
            if problem.code in _NOT_OPENED
            else problem
            for problem in error.problems
        ]
    )


def too_large(name: str, size_bytes: int, limit_bytes: int) -> InputError:
    """The error for a file that is not read because of its size."""
    message = f"is {size_bytes:,} bytes; at most {limit_bytes:,} are read"
    return refuse("file-too-large", message, name, fix="check that this is the file you meant")


def _read_file(path: Path, limit_bytes: int) -> bytes:
    """A regular file, opened once, without waiting (a pipe would block for ever), and asked what it is through that
    handle."""
    name = str(path)
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except FileNotFoundError:
        raise refuse("file-not-found", "there is no such file", name, fix="check the path") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise refuse("file-not-readable", f"cannot be opened: {reason.lower()}", name, fix="check the path") from None
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        os.close(handle)
        fix = f"name its files, such as {name.rstrip('/')}/*.yaml" if stat.S_ISDIR(status.st_mode) else "name a file"
        raise refuse("not-a-file", "is not a regular file", name, fix=fix)
    with os.fdopen(handle, "rb") as stream:
        if status.st_size > limit_bytes:
            raise too_large(name, status.st_size, limit_bytes)
        data = stream.read(limit_bytes + 1)  # the file may have grown since
    if len(data) > limit_bytes:
        raise too_large(name, len(data), limit_bytes)
    return data
