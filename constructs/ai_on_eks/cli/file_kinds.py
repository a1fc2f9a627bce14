"""Platform or descriptor: decided by the top-level keys, because names and places of files are the user's.

platform     when more of its keys are a platform's than a descriptor's
descriptor   the other way round
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ai_on_eks.descriptors.documents import read_yaml
from ai_on_eks.descriptors.fine_tune_kind import is_fine_tune
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor
from ai_on_eks.errors import InputError, Problem

T = TypeVar("T")

_PLATFORM_KEYS = frozenset(Platform.model_fields) - frozenset(Descriptor.model_fields)
_DESCRIPTOR_KEYS = frozenset(Descriptor.model_fields) - frozenset(Platform.model_fields)


def is_platform(value: object) -> bool:
    """Whether a document's top level looks more like a platform than like a descriptor."""
    return _platform_keys_ahead(value) > 0


def load_as(load: Callable[[Path], T], path: Path, *, platform: bool) -> T:
    """The file by `load`; one of the other kind is told as such, not as the many keys that it lacks or has too many."""
    try:
        return load(path)
    except InputError as error:
        if not platform and is_fine_tune(str(path)):
            raise InputError(_a_job(path)) from None
        if any(problem.code == "missing-field" and problem.file == str(path) for problem in error.problems):
            ahead = _platform_keys_ahead(read_yaml(path).value)
            if ahead < 0 if platform else ahead > 0:
                raise InputError(_other_kind(path, platform=platform)) from None
        raise


def _platform_keys_ahead(value: object) -> int:
    if not isinstance(value, dict):
        return 0
    return len(_PLATFORM_KEYS & value.keys()) - len(_DESCRIPTOR_KEYS & value.keys())


def _a_job(path: Path) -> Problem:
    message, fix = "describes a fine-tuning job, not a model", "name it to `plan`, `render`, `size` or `validate`"
    return Problem(code="wrong-kind-of-file", message=message, file=str(path), line=1, fix=fix)


def _other_kind(path: Path, *, platform: bool) -> Problem:
    if platform:
        message, fix = "describes a model, not a platform", "name it without --platform"
    else:
        message, fix = "describes a platform, not a model", "name it with --platform, or leave it out"
    return Problem(code="wrong-kind-of-file", message=message, file=str(path), line=1, fix=fix)
