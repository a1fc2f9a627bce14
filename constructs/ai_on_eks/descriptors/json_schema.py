"""JSON Schema of the files users write, for editors: completion, descriptions, defaults."""

from __future__ import annotations

from typing import Any

from ai_on_eks.descriptors.fine_tune import FineTuneJob
from ai_on_eks.descriptors.pipeline import Pipeline
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Descriptor, Strict

DRAFT = "https://json-schema.org/draft/2020-12/schema"

_MODELS: dict[str, tuple[type[Strict], str]] = {
    "descriptor": (Descriptor, "AI on EKS: a model and what is asked of it"),
    "fine-tune": (FineTuneJob, "AI on EKS: a fine-tuning job"),
    "pipeline": (Pipeline, "AI on EKS: which platforms a change is released to"),
    "platform": (Platform, "AI on EKS: the platform the models run on"),
}
NAMES = tuple(_MODELS)


def json_schema(name: str) -> dict[str, Any]:
    """The schema of one kind of file."""
    if name not in _MODELS:
        raise ValueError(f"no schema {name!r}; there are {', '.join(_MODELS)}")
    model, title = _MODELS[name]
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": DRAFT,
        "$id": f"urn:ai-on-eks:schema:{name}:v1",
        **schema,
        "title": title,
    }
