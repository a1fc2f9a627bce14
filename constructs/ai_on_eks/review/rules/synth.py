"""Reading what a synth wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ai_on_eks.review.rules.assembly import Assembly, read_assembly


def read_synth(folder: Path, objects: Mapping[str, Sequence[Mapping[str, Any]]] | None = None) -> Assembly:
    """Every template of a cloud assembly, those of its stages too, and Kubernetes objects by file name.

    Objects that CDK applies stand in the templates; give only those that it does not apply.
    """
    templates = {str(path): json.loads(path.read_bytes()) for path in sorted(folder.rglob("*.template.json"))}
    return read_assembly(templates, objects)
