"""What a model's format is made of: its keys, their values, an example line for each."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ai_on_eks.descriptors.document import join
from ai_on_eks.descriptors.patterns import FORMS

_EXAMPLES = {"availability_zones": "[us-east-1a, us-east-1b]"}


def fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of one mapping as the file spells them."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model a field holds, looking through `X | None`."""
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def model_at(location: Sequence[str | int], model: type[BaseModel]) -> type[BaseModel] | None:
    """The model that the mapping at `location` is read into; None where the format says nothing of its keys."""
    current: type[BaseModel] | None = model
    for step in location:
        field = fields(current).get(str(step)) if current is not None else None
        current = _model_of(field) if field is not None else None
    return current


def has_default(location: Sequence[str | int], model: type[BaseModel]) -> bool:
    """Whether the key at `location` can be left out; false for what is no key of the format, such as a list's entry."""
    if not location or not isinstance(location[-1], str):
        return False
    parent = model_at(location[:-1], model)
    field = fields(parent).get(location[-1]) if parent is not None else None
    return field is not None and not field.is_required()


def choices(location: tuple[str | int, ...], model: type[BaseModel]) -> tuple[str, ...]:
    """The values of an enumeration or literal field."""
    parent = model_at(location[:-1], model)
    field = fields(parent).get(str(location[-1])) if parent is not None and location else None
    return _values(field.annotation) if field is not None else ()


def _values(annotation: Any) -> tuple[str, ...]:
    if isinstance(annotation, type):
        return tuple(str(one.value) for one in annotation) if issubclass(annotation, Enum) else ()
    found: list[str] = []
    for member in get_args(annotation):
        found += [str(member)] if isinstance(member, str | int) else _values(member)
    return tuple(found)


def all_paths(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Every key of the format, outermost first."""
    here = [join(prefix, name) for name in fields(model)]
    below = [
        path
        for name, field in fields(model).items()
        if (inner := _model_of(field)) is not None
        for path in all_paths(inner, join(prefix, name))
    ]
    return here + below


def example(field: FieldInfo, key: str) -> str:
    """A value the field would accept, for a line to add."""
    values = _values(field.annotation)
    if values:
        return values[0]
    inner = _model_of(field)
    if inner is not None:
        required = {name: one for name, one in fields(inner).items() if one.is_required()}
        return "{" + ", ".join(f"{name}: {example(one, name)}" for name, one in required.items()) + "}"
    for detail in field.metadata:
        form = FORMS.get(getattr(detail, "pattern", None) or "")
        if form is not None:
            return form.example
    return _EXAMPLES.get(key, "…")
