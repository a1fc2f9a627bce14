"""Whether the corrections of EC2's answers are still needed.

A correction holds what EC2 answered when it was written. When EC2 answers something else, it is either mended, and the
correction hides EC2's own answer for nothing, or wrong in a new way: somebody has to look.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def obsolete(corrections: Iterable[Mapping[str, Any]], records: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """One line for each fact that EC2 answers differently than its correction says."""
    return [
        _line(correction, name, key, records[name][key])
        for correction in corrections
        for name in correction["instance_types"]
        if name in records
        for key, was in correction["was"].items()
        if records[name][key] != was
    ]


def _line(correction: Mapping[str, Any], name: str, key: str, answered: Any) -> str:
    mended = answered == correction["set"][key]
    verdict = "as corrected, so remove it" if mended else f"neither what it was nor what was set ({answered!r})"
    return f"correction {correction['id']}: EC2 now answers {key} of {name} {verdict}"
