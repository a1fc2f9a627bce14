"""The one place where a plain manifest becomes a cdk8s object.

cdk8s' ApiObject takes no spec in Python, so every top-level field but the metadata is added as a JSON patch: a plain
value passes through a patch exactly. Not so `None`, which disappears without a word, and an integer above 2^53, which
loses its last digits in JavaScript; both are refused here. The metadata goes in as metadata, so that labels of a chart
still reach the object.
"""

from __future__ import annotations

import math

from cdk8s import ApiObject, ApiObjectMetadata, JsonPatch
from constructs import Construct

from ai_on_eks.serving.types import Json

_MAX_SAFE_INTEGER = 2**53 - 1
"""Largest integer a JavaScript number holds exactly (ECMAScript, Number.MAX_SAFE_INTEGER)."""

_METADATA_FIELDS = frozenset({"name", "namespace", "labels", "annotations"})
_OWN_FIELDS = frozenset({"apiVersion", "kind", "metadata"})


def api_object(scope: Construct, construct_id: str, manifest: Json) -> ApiObject:
    """The manifest as a construct; `to_json()` of the result equals the manifest."""
    check_plain(manifest)
    metadata = manifest["metadata"]
    unknown = sorted(set(metadata) - _METADATA_FIELDS)
    if unknown:
        raise ValueError(f"metadata fields that would be lost: {', '.join(unknown)}")
    result = ApiObject(
        scope,
        construct_id,
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        metadata=ApiObjectMetadata(**metadata),
    )
    for field, value in manifest.items():
        if field not in _OWN_FIELDS:
            result.add_json_patch(JsonPatch.add(f"/{_escape(field)}", value))
    return result


def check_plain(value: object, path: str = "") -> None:
    """Raise where a value would not arrive in the cluster as it is written here."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError(f"{path}: key {key!r} is not a string")
            check_plain(item, f"{path}/{_escape(key)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check_plain(item, f"{path}/{index}")
    else:
        _check_scalar(value, path)


def _check_scalar(value: object, path: str) -> None:
    if not isinstance(value, bool | str | int | float):
        raise TypeError(f"{path}: {type(value).__name__} has no place in a manifest")
    if isinstance(value, int) and abs(value) > _MAX_SAFE_INTEGER:
        raise ValueError(f"{path}: {value} is not exact in JavaScript")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{path}: {value} is not a JSON number")


def _escape(key: str) -> str:
    """A key as one step of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")
