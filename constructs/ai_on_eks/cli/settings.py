"""Every setting of a file with its effective value, and whether the file or a default set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import BaseModel

from ai_on_eks.cli.loading import LoadedModel
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.placement.requirements import effective_load, effective_precision


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `origin` is `file` or `default`."""

    path: str
    value: Any
    origin: str


def descriptor_settings(model: LoadedModel) -> tuple[Setting, ...]:
    """The settings of a descriptor; what defaults to the model's own figures is shown as those."""
    precision = effective_precision(model.descriptor)
    derived: dict[str, Any] = {
        "serving.context_tokens": effective_load(model.descriptor, model.inventory).context_tokens,
        "precision": precision.model_dump(mode="json"),
    }
    return tuple(
        Setting(setting.path, derived[setting.path], setting.origin)
        if setting.path in derived and setting.value is None
        else setting
        for setting in _settings(model.descriptor, "", given=True)
    )


def platform_settings(platform: Platform) -> tuple[Setting, ...]:
    """The settings of a platform file."""
    return tuple(_settings(platform, "", given=True))


def _settings(model: BaseModel, path: str, *, given: bool) -> Iterator[Setting]:
    for name, field in type(model).model_fields.items():
        here = f"{path}.{field.alias or name}" if path else field.alias or name
        is_set = given and name in model.model_fields_set
        value = getattr(model, name)
        if isinstance(value, BaseModel):
            yield from _settings(value, here, given=is_set)
        else:
            yield Setting(here, _plain(value), "file" if is_set else "default")


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
