"""Which kind of file is it: decided by the top-level keys it has, because names and places are the user's.

platform    when more of its keys are a platform's than a descriptor's
descriptor  otherwise
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ai_on_eks.cli.loading import Collector
from ai_on_eks.descriptors.documents import read_yaml
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import Problem

_PLATFORM_KEYS = frozenset(Platform.model_fields) - frozenset(Descriptor.model_fields)
_DESCRIPTOR_KEYS = frozenset(Descriptor.model_fields) - frozenset(Platform.model_fields)


@dataclass(frozen=True, slots=True)
class Files:
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


def is_platform(value: object) -> bool:
    """Whether a document's top level looks more like a platform than like a descriptor."""
    if not isinstance(value, dict):
        return False
    return len(_PLATFORM_KEYS & value.keys()) > len(_DESCRIPTOR_KEYS & value.keys())
