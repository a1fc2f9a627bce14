"""Reading what a synth wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

from ai_on_eks.review.rules.assembly import Assembly, read_assembly

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where it is built in: ten times as fast, and the text is our own."""


def read_synth(folder: Path, manifests: Mapping[str, str] | None = None) -> Assembly:
    """Every template of a cloud assembly, those of its stages too, and Kubernetes objects given as YAML by file name.

    Objects that CDK applies stand in the templates; give only those that it does not apply.
    """
    templates = {str(path): json.loads(path.read_bytes()) for path in sorted(folder.rglob("*.template.json"))}
    objects = {
        file: [body for body in yaml.load_all(text, Loader) if isinstance(body, dict)]
        for file, text in sorted((manifests or {}).items())
    }
    return read_assembly(templates, objects)
