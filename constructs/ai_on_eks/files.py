"""Writing so that a reader sees the old content or the new one, never half of either.

    file     temporary sibling, then one rename over the target; links are followed, devices and pipes written to
    folder   temporary sibling filled completely, old folder moved aside, new one renamed into place, old one removed

A folder is replaced only when this library wrote it: each carries the marker file `.ai-on-eks`. Without that rule a
mistyped output path would delete whatever happens to lie there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from ai_on_eks.errors import Problem, UsageError

MARKER = ".ai-on-eks"
MARKER_TEXT = "written by ai-on-eks; the whole folder is replaced at the next run\n"


def write_file_atomically(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with the newlines it has; folders above are created, an old file's permissions stay."""
    if path.is_dir():
        raise UsageError(
            Problem(code="output-is-a-folder", message="is a folder", file=str(path), fix="name a file to write to")
        )
    if path.exists() and not path.is_file():  # a rename would put a file in the place of /dev/stdout or /dev/null
        with path.open("wb") as stream:
            stream.write(text.encode("utf-8"))
        return
    path = path.resolve()  # what a link points to is written, and the link stays
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _sibling(path, "new")
    try:
        with temporary.open("wb") as stream:
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())  # or a rename can survive a crash that its content did not
        if path.exists():
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def replace_folder_atomically(target: Path, files: Mapping[str, str]) -> None:
    """Make `target` hold exactly `files` (relative path with `/` -> text) and the marker."""
    _check_names(files)
    _check_ours(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, retired = _sibling(target, "new"), _sibling(target, "old")
    try:
        _fill(fresh, files)
        (fresh / MARKER).write_bytes(MARKER_TEXT.encode("utf-8"))
        _swap(target, fresh, retired)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)


def create_folder(target: Path, files: Mapping[str, str]) -> None:
    """Make a folder that is not there yet, or is empty, with `files` (relative path with `/` -> text); no marker."""
    _check_names(files)
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise UsageError(
            Problem(
                code="folder-exists",
                message="is there already, and not empty",
                file=str(target),
                fix="name a new or empty folder; nothing was written",
            )
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = _sibling(target, "new")
    try:
        _fill(fresh, files)
        if target.exists():
            target.rmdir()  # empty: a rename takes the place of nothing else on every system
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _fill(folder: Path, files: Mapping[str, str]) -> None:
    folder.mkdir()
    for name in sorted(files):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name].encode("utf-8"))


def _swap(target: Path, fresh: Path, retired: Path) -> None:
    """Two renames; if the second fails the first is undone."""
    replaces = target.exists()
    if replaces:
        target.rename(retired)
    try:
        fresh.rename(target)
    except OSError:
        if replaces:
            retired.rename(target)
        raise


def _check_names(files: Mapping[str, str]) -> None:
    """Names come from code, never from input; a bad one is a defect."""
    for name in files:
        path = PurePosixPath(name)
        if path.is_absolute() or not path.parts or ".." in path.parts or "\\" in name or name == MARKER:
            raise ValueError(f"not a relative file name: {name!r}")


def _check_ours(target: Path) -> None:
    if Path.cwd().is_relative_to(target.resolve()):
        message = "is the current folder, or one around it, which cannot be replaced"
    elif target.is_symlink() or (target.exists() and not target.is_dir()):
        message = "exists and is not a folder"
    elif target.is_dir() and any(target.iterdir()) and not (target / MARKER).is_file():
        message = f"holds files that ai-on-eks did not write (no {MARKER} inside)"
    else:
        return
    fix = "name a new or empty folder, or remove this one yourself"
    raise UsageError(Problem(code="output-not-ours", message=message, file=str(target), fix=fix))


def _sibling(path: Path, purpose: str) -> Path:
    """A name beside `path` that nothing else uses: renames are atomic only within one file system."""
    return path.parent / f".{path.name}.{purpose}-{os.urandom(6).hex()}"
