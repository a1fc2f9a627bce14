"""Which of the files named is the platform, and which are descriptors (`file_kinds`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from ai_on_eks.cli.file_kinds import is_platform
from ai_on_eks.cli.loading import Collector
from ai_on_eks.descriptors.documents import read_yaml
from ai_on_eks.errors import Problem


class Files(Struct, frozen=True):
    """The files by kind, in the order given. Unreadable ones have left their problems."""

    platform: str | None
    descriptors: tuple[str, ...]


def recognise(files: Sequence[str], collector: Collector) -> Files:
    """Sort the files by kind; a second platform is a problem."""
    platforms: list[str] = []
    descriptors: list[str] = []
    for file in files:
        document = collector.attempt(file, lambda file=file: read_yaml(Path(file)))  # type: ignore[misc]
        if document is None:
            continue
        (platforms if is_platform(document.value) else descriptors).append(file)
    for extra in platforms[1:]:
        collector.problems.append(
            Problem(
                code="second-platform",
                message=f"{platforms[0]} is a platform file too",
                file=extra,
                fix="validate one platform at a time",
            )
        )
    return Files(platforms[0] if platforms else None, tuple(descriptors))
