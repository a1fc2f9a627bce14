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


def test_given_a_platform_file_of_every_kind_when_validated_then_the_schema_knows_its_words() -> None:
    validator = Draft202012Validator(json_schema("platform"))
    network = {"availability_zones": ["us-east-1a", "us-east-1b"]}
    document = {"name": "ai", "region": "us-east-1", "profile": "private", "network": network}
    assert list(validator.iter_errors(document)) == []
    existing = {"vpc_id": "vpc-0123456789abcdef0", "cidr": "10.0.0.0/16", "private_subnet_ids": {}}
    assert list(validator.iter_errors({**document, "network": {**network, "existing_vpc": existing}})) == []
    wrong = (
        {"profile": "huge"},
        {"cluster": {"kubernetes_version": "1.33"}},
        {"retention": {"flow_logs_days": 100}},
        {"network": {**network, "existing_vpc": {**existing, "vpc_id": "my-vpc"}}},
        {"image_mirror": "https://registry.example.com"},
    )
    for change in wrong:
        assert list(validator.iter_errors({**document, **change})) != [], change


def test_given_an_unknown_name_when_asked_then_it_is_a_defect_of_the_caller() -> None:
    with pytest.raises(ValueError, match="descriptor, fine-tune, pipeline, platform"):
        json_schema("model")


def test_nothing_is_bought_as_spot_unasked() -> None:
    """An interruption takes minutes of loading along, so whoever serves has to want it."""
    found = json_schema("descriptor")["$defs"]["Constraints"]["properties"]["capacity_type"]["default"]
    assert found == "on-demand"
