"""Templates as they were reviewed. Refresh with UPDATE_SNAPSHOTS=1 and read the difference before you commit it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

SNAPSHOTS = Path(__file__).parent / "snapshots"

ASSET_HASH = re.compile(r"\b[0-9a-f]{64}\b")
"""Of the kubectl Lambda and its layers: they change with every release of aws-cdk-lib and say nothing of ours."""


def compare(template: dict[str, Any], name: str) -> None:
    """Fail where the template is not the one under this name."""
    now = ASSET_HASH.sub("<asset hash>", json.dumps(template, indent=1, sort_keys=True)) + "\n"
    path = SNAPSHOTS / f"{name}.template.json"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(now, encoding="utf-8")
    assert now == path.read_text(encoding="utf-8")
