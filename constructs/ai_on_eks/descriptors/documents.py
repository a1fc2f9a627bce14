"""Reading what users and model authors wrote: bounded, with positions, all mistakes at once."""

from __future__ import annotations

from pathlib import Path

from ai_on_eks.descriptors.document import Document, read_text
from ai_on_eks.descriptors.json_reading import MAX_JSON_BYTES, parse_json
from ai_on_eks.descriptors.places import Place
from ai_on_eks.descriptors.validation import validate
from ai_on_eks.descriptors.yaml_reading import MAX_YAML_BYTES, parse_yaml, parse_yaml_stream

__all__ = ["Document", "parse_json", "parse_yaml", "read_json", "read_yaml", "read_yaml_stream", "validate"]


def read_yaml(path: Path) -> Document:
    """The YAML document of a file of at most 1 MiB."""
    return parse_yaml(read_text(path, MAX_YAML_BYTES), str(path))


def read_yaml_stream(path: Path) -> tuple[Document, ...]:
    """Every YAML document of a file of at most 1 MiB, such as a file of manifests."""
    return parse_yaml_stream(read_text(path, MAX_YAML_BYTES), str(path))


def read_json(path: Place) -> Document:
    """The JSON document of a model's own file of at most 8 MiB; the words NaN and Infinity in it are read as null."""
    return parse_json(read_text(path, MAX_JSON_BYTES), str(path), words_are_null=True)
