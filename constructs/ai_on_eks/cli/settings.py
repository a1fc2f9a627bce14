"""Every setting of a file with its effective value, what it means, and whether file, profile or default set it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from pydantic import BaseModel

from ai_on_eks.cli.loading import LoadedModel
from ai_on_eks.descriptors.document import join
from ai_on_eks.descriptors.documents import read_yaml
from ai_on_eks.descriptors.fine_tune import FineTuneJob
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.profiles import profile_values
from ai_on_eks.placement.requirements import effective_load, effective_precision

FILE = "file"
DEFAULT = "default"

Layers = tuple[tuple[str, Mapping[str, Any]], ...]
"""Where settings come from, the strongest first: its name and what it sets."""


class Setting(Struct, frozen=True):
    """One setting. `origin` is `file`, `default`, or a profile by name."""

    path: str
    value: Any
    origin: str
    description: str


def descriptor_settings(model: LoadedModel) -> tuple[Setting, ...]:
    """The settings of a descriptor; what defaults to the model's own figures is shown as those."""
    precision = effective_precision(model.descriptor)
    derived: dict[str, Any] = {
        "serving.context_tokens": effective_load(model.descriptor, model.inventory).context_tokens,
        "precision": precision.model_dump(mode="json"),
    }
    return tuple(
        replace(setting, value=derived[setting.path]) if setting.path in derived and setting.value is None else setting
        for setting in _settings(model.descriptor, "", ((FILE, _given(model.descriptor)),))
    )


def job_settings(job: FineTuneJob) -> tuple[Setting, ...]:
    """The settings of a fine-tuning job."""
    return tuple(_settings(job, "", ((FILE, _given(job)),)))


def platform_settings(platform: Platform, file: str | None) -> tuple[Setting, ...]:
    """The settings of a platform file: its own, over its profile's, over the defaults."""
    own = read_yaml(Path(file)).value if file is not None else {}
    layers = ((FILE, own), (f"profile {platform.profile.value}", profile_values(platform.profile)))
    return tuple(_settings(platform, "", layers))


def _settings(model: BaseModel, path: str, layers: Layers) -> Iterator[Setting]:
    for name, field in type(model).model_fields.items():
        key = field.alias or name
        here = join(path, key)
        value = getattr(model, name)
        holders = [(origin, values[key]) for origin, values in layers if key in values]
        if isinstance(value, BaseModel):
            inner = tuple((origin, one) for origin, one in holders if isinstance(one, Mapping))
            yield from _settings(value, here, inner)
        else:
            yield Setting(here, _plain(value), holders[0][0] if holders else DEFAULT, field.description or "")


def _given(model: BaseModel) -> Mapping[str, Any]:
    """What was written, as the file spells it."""
    return {
        field.alias or name: _given(value) if isinstance(value := getattr(model, name), BaseModel) else value
        for name, field in type(model).model_fields.items()
        if name in model.model_fields_set
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value
