"""The schema for editors describes exactly what the loader accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped, unused-ignore]

from ai_on_eks.descriptors.documents import read_yaml
from ai_on_eks.descriptors.json_schema import NAMES, json_schema

ROOT = Path(__file__).resolve().parents[2]


def keys_without_description(schema: Any, path: str = "") -> Iterator[str]:
    for name, definition in {"": schema, **schema.get("$defs", {})}.items():
        for key, field in definition.get("properties", {}).items():
            target = schema["$defs"].get(field.get("$ref", "").rpartition("/")[2], {})
            if "description" not in field and "description" not in target:
                yield f"{name}.{key}"


@pytest.mark.parametrize("name", NAMES)
def test_given_a_schema_when_checked_then_it_is_valid_and_says_what_every_key_means(name: str) -> None:
    schema = json_schema(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:ai-on-eks:schema:{name}:v1"
    assert list(keys_without_description(schema)) == []
    assert json.dumps(schema) == json.dumps(json_schema(name))


@pytest.mark.parametrize(
    "path", [*sorted((ROOT / "models").glob("*.yaml")), ROOT / "platform.yaml"], ids=lambda p: p.stem
)
def test_given_the_files_of_the_repository_when_validated_then_the_schema_accepts_them(path: Path) -> None:
    schema = json_schema("platform" if path.stem == "platform" else "descriptor")
    validator = Draft202012Validator(schema)
    document = read_yaml(path).value
    assert list(validator.iter_errors(document)) == []
    assert list(validator.iter_errors({**document, "unknown": 1})) != []


def test_given_an_unknown_name_when_asked_then_it_is_a_defect_of_the_caller() -> None:
    with pytest.raises(ValueError, match="descriptor, platform"):
        json_schema("model")
