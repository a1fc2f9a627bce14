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
    digest = _digests().get(type_)
    if digest is None:
        return None
    schema: Mapping[str, Any] = json.loads((_schemas() / "resources" / f"{digest}.json").read_bytes())
    return schema


@cache
def _digests() -> Mapping[str, str]:
    """The name of each type's file."""
    digests: Mapping[str, str] = json.loads((_schemas() / "providers" / f"{REGION}.json").read_bytes())
    return digests


@cache
def _schemas() -> Path:
    """The folder that cfn-lint brings. Its own reader takes half a second to import, and would take newer schemas from
    a cache of this machine, or from the network."""
    from importlib.util import find_spec  # noqa: PLC0415 - only a review looks for packages

    found = find_spec("cfnlint")
    for place in (found.submodule_search_locations or ()) if found is not None else ():
        folder = Path(place) / "data" / "schemas"
        if (folder / "providers" / f"{REGION}.json").is_file():
            return folder
    message = "a review needs the resource schemas of cfn-lint"
    fix = "pip install 'ai-on-eks[review]'"
    raise UsageError(Problem(code="missing-dependency", message=message, value="cfnlint", fix=fix))


def _paths(schema: Mapping[str, Any], key: str) -> list[str]:
    return [path.removeprefix(_PREFIX) for path in schema.get(key, ())]


def _outermost(paths: set[str] | list[str]) -> tuple[str, ...]:
    found = sorted(set(paths))
    return tuple(path for path in found if not any(path.startswith(f"{other}/") for other in found))
