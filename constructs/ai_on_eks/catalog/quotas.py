"""Which quota of Service Quotas a running instance counts against, read from `data/quotas.json`.

AWS groups families by the letters their names begin with (`p5en` -> `p`, `gr6` -> `gr`), so a new generation counts
against the old quota without an entry of its own. Spot has quotas of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ai_on_eks.catalog.reading import read

_LETTERS = re.compile(r"[a-z]+")


def load_quotas() -> Mapping[str, Any]:
    """The entries of the file by leading letters."""
    entries: Mapping[str, Any] = read("quotas.json")["quotas"]
    return entries


def quota_codes(family: str, quotas: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Codes of the on-demand and the spot quota of a family, in vCPUs; None = not known."""
    letters = _LETTERS.match(family)
    entry = quotas.get(letters[0]) if letters else None
    if entry is None:
        return None, None
    return entry["on_demand"], entry.get("spot_by_family", {}).get(family, entry["spot"])
