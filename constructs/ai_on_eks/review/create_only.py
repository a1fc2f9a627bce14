"""Which properties CloudFormation can only set at creation, and which types hold what cannot be made again.

From the resource schemas that cfn-lint ships, which are CloudFormation's own, and `data/replacement.json` for what only
the documentation names.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from ai_on_eks.errors import Problem, UsageError

REGION = "us-east-1"
"""Schemas differ by region in what exists, not in what can be updated."""

_FACTS = Path(__file__).resolve().parent / "data" / "replacement.json"
_PREFIX = "/properties/"


class Updates(Struct, frozen=True):
    """What an update of a type can do, as paths below its properties (`KubernetesNetworkConfig/IpFamily`).

    create_only  a change replaces the resource
    conditional  a change may replace it, depending on values
    identifier   properties that name the resource and that a template may give: two of one name cannot exist
    is_known     whether there is a schema; without one nothing is known but `create_only` of our own list
    """

    create_only: tuple[str, ...]
    conditional: tuple[str, ...]
    identifier: tuple[str, ...]
    is_known: bool


@cache
def facts() -> Mapping[str, Any]:
    """`data/replacement.json`. The value is shared: nobody changes it."""
    document: Mapping[str, Any] = json.loads(_FACTS.read_bytes())
    return document


@cache
def stateful_types() -> Mapping[str, str]:
    """Types that hold data or that those name at creation, with what is affected."""
    found: Mapping[str, str] = facts()["stateful"]
    return found


@cache
def updates_of(type_: str) -> Updates:
    """What an update of the type can do. Of paths inside each other the outer one stays."""
    schema = _schema(type_)
    known = schema or {}
    further = facts()["create_only"].get(type_, ())
    read_only = set(_paths(known, "readOnlyProperties"))
    return Updates(
        create_only=_outermost({*_paths(known, "createOnlyProperties"), *further}),
        conditional=_outermost(_paths(known, "conditionalCreateOnlyProperties")),
        identifier=tuple(path for path in _paths(known, "primaryIdentifier") if path not in read_only),
        is_known=schema is not None,
    )


def value_at(properties: Any, path: str) -> Any:
    """The value at a path below the properties, as the template writes it; None where there is none."""
    for step in path.split("/"):
        properties = properties.get(step) if isinstance(properties, Mapping) else None
    return properties


def _schema(type_: str) -> Mapping[str, Any] | None:
    """None for a custom resource, and for a type that the schemas do not have."""
    if type_.startswith("Custom::"):
        return None
    try:
        from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError  # noqa: PLC0415 - half a second
    except ModuleNotFoundError as error:
        raise UsageError(
            Problem(
                code="missing-dependency",
                message=f"a review needs the Python module {error.name}",
                value=error.name,
                fix="pip install 'ai-on-eks[review]'",
            )
        ) from None
    try:
        schema: Mapping[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    except ResourceNotFoundError:
        return None
    return schema


def _paths(schema: Mapping[str, Any], key: str) -> list[str]:
    return [path.removeprefix(_PREFIX) for path in schema.get(key, ())]


def _outermost(paths: set[str] | list[str]) -> tuple[str, ...]:
    found = sorted(set(paths))
    return tuple(path for path in found if not any(path.startswith(f"{other}/") for other in found))
