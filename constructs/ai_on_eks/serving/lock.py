"""Fill in the digests of an images file without touching anything else in it.

    new text = old text with the values of `digest` and `verified` replaced where they stand

Dumping the parsed file would lose its comments and order, so the values are edited by their position.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import yaml
from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.errors import Problem
from ai_on_eks.files import write_file_atomically
from ai_on_eks.serving.images import load_images
from ai_on_eks.serving.registry import RegistryError
from ai_on_eks.serving.types import ImageReference

Resolver = Callable[[str, str], str]
"""(repository, tag) -> digest; raises RegistryError. `RegistryClient().digest` is the real one."""


class LockReport(Struct, frozen=True):
    """What a lock did.

    text      the file's new text, also written where it changed
    locked    digest by key, for every image the registry answered
    moved     (old, new) digest by key, for images whose tag has been moved since it was last verified
    problems  one for each image that stays as it was, sorted by key
    """

    text: str
    locked: Mapping[str, str]
    moved: Mapping[str, tuple[str, str]]
    problems: tuple[Problem, ...]


def lock_images(path: Path, resolver: Resolver, today: date) -> LockReport:
    """Ask the registry for every image of the file, write what was answered, report what was not."""
    images = load_images(path)
    with path.open(encoding="utf-8", newline="") as file:
        text = file.read()
    positions = _positions(text)
    locked: dict[str, str] = {}
    problems: list[Problem] = []
    for key in sorted(images):
        try:
            locked[key] = resolver(images[key].repository, images[key].tag)
        except RegistryError as error:
            line = text.count("\n", 0, positions[key, "tag"][0]) + 1
            problems += [
                replace(problem, file=str(path), line=line, path=f"images.{key}") for problem in error.problems
            ]
    new_text = _rewritten(text, positions, locked, today)
    if new_text != text:
        write_file_atomically(path, new_text)
    return LockReport(text=new_text, locked=locked, moved=_moved(images, locked), problems=tuple(problems))


def _moved(images: Mapping[str, ImageReference], locked: Mapping[str, str]) -> Mapping[str, tuple[str, str]]:
    return {
        key: (before, digest)
        for key, digest in locked.items()
        if (before := images[key].digest) is not None and before != digest
    }


def _positions(text: str) -> Mapping[tuple[str, str], tuple[int, int]]:
    """Start and end of every scalar under `images`, by (image key, field). The text is known to be valid."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert root is not None, "load_images has accepted the file"  # noqa: S101 - for the type checker
    entries = next(value for key, value in root.value if key.value == "images")
    return {
        (entry.value, name.value): (value.start_mark.index, value.end_mark.index)
        for entry, fields in entries.value
        for name, value in fields.value
    }


def _rewritten(
    text: str, positions: Mapping[tuple[str, str], tuple[int, int]], locked: Mapping[str, str], today: date
) -> str:
    edits = []
    for key, digest in locked.items():
        # Quoted, because readers of YAML 1.1 would turn a bare day into a date.
        edits += [(positions[key, "digest"], digest), (positions[key, "verified"], f'"{today.isoformat()}"')]
    for (start, end), value in sorted(edits, reverse=True):
        gap = " " if text[start - 1] == ":" else ""
        text = f"{text[:start]}{gap}{value}{text[end:]}"
    return text
