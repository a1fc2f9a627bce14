"""Validating custom resources against their CustomResourceDefinitions, as strictly as the API server prunes and checks.

A CRD's schema is *structural*: a field it does not name is dropped by the server unless the schema says
`x-kubernetes-preserve-unknown-fields`. Dropped silently is the worst a manifest can meet with, so here it is an error.
Rules in CEL are evaluated where the schema is kept: a value of the wrong type can break any of them.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import yaml
from cel_rules import violations_of

Json = dict[str, Any]

_METADATA: Json = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "generateName": {"type": "string"},
        "namespace": {"type": "string"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "annotations": {"type": "object", "additionalProperties": {"type": "string"}},
        "finalizers": {"type": "array", "items": {"type": "string"}},
    },
    "additionalProperties": False,
}
_OBJECT_FIELDS: Json = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": _METADATA}


class NoSchemaError(LookupError):
    """No CustomResourceDefinition of the folder describes the object."""


def problems_of(folder: Path, manifest: Json) -> list[str]:
    """Everything that is wrong with a custom resource, as `path: message`."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    schema, validator = _schema(folder, group, version, manifest["kind"])
    errors = sorted(validator.iter_errors(manifest), key=lambda error: (error.json_path, error.message))
    return [f"{error.json_path}: {error.message}" for error in errors] or violations_of(schema, manifest)


@cache
def _schema(folder: Path, group: str, version: str, kind: str) -> tuple[Json, jsonschema.Draft202012Validator]:
    """Documents are searched as text and only the one that fits is parsed: all of them together are 22 MB of YAML."""
    wanted = re.compile(rf"^  group: [\"']?{re.escape(group)}[\"']?$", re.MULTILINE)
    named = re.compile(rf"^    kind: {re.escape(kind)}$", re.MULTILINE)
    for path in sorted(folder.glob("*.yaml")):
        for document in path.read_text(encoding="utf-8").split("\n---\n"):
            if wanted.search(document) and named.search(document):
                definition = yaml.load(document, Loader=yaml.CSafeLoader)
                for entry in definition["spec"]["versions"]:
                    if entry["name"] == version:
                        schema: Json = entry["schema"]["openAPIV3Schema"]
                        return schema, jsonschema.Draft202012Validator(closed(schema, is_object=True))
    raise NoSchemaError(f"{group}/{version} {kind}")


def closed(schema: Json, *, is_object: bool = False) -> Json:
    """The structural schema as JSON Schema in which an unknown field is an error."""
    result = {key: value for key, value in schema.items() if not key.startswith("x-kubernetes-") and key != "nullable"}
    result.pop("default", None)
    if schema.get("x-kubernetes-int-or-string"):
        result["type"] = ["integer", "string"]
    if "properties" in schema or is_object:
        result["properties"] = {name: closed(child) for name, child in schema.get("properties", {}).items()}
    if is_object or schema.get("x-kubernetes-embedded-resource"):
        result["properties"] = {**result.get("properties", {}), **_OBJECT_FIELDS}
    if isinstance(schema.get("items"), dict):
        result["items"] = closed(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        result["additionalProperties"] = closed(schema["additionalProperties"])
    elif _prunes(schema):
        result["additionalProperties"] = False
    if schema.get("nullable"):
        result = {"anyOf": [{"type": "null"}, result]}
    return result


def _prunes(schema: Json) -> bool:
    return (
        schema.get("type") == "object"
        and "additionalProperties" not in schema
        and not schema.get("x-kubernetes-preserve-unknown-fields")
    )
