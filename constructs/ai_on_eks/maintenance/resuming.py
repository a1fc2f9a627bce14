"""A refresh that was interrupted goes on where it stopped.

    <folder>/header.json   what was asked of whom, and since when
    <folder>/<job>.json    one finished job's answer, written atomically

Answers of different days or questions never mix: another header clears the folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ai_on_eks.files import write_file_atomically
from ai_on_eks.maintenance.writing import compact

HEADER = "header.json"


class FinishedJobs:
    """The answers that earlier tries of the same refresh got. Only one process may use a folder at a time."""

    def __init__(self, folder: Path, header: Mapping[str, Any]) -> None:
        self._folder = folder
        if _load(folder / HEADER) != header:
            self.forget()
            write_file_atomically(folder / HEADER, compact(header))

    def get(self, name: str) -> Any:
        """A finished job's answer, or None. A file that is no JSON counts as unfinished."""
        return _load(self._path(name))

    def keep(self, name: str, answer: Any) -> None:
        """Remember an answer until the refresh is complete."""
        write_file_atomically(self._path(name), compact(answer))

    def forget(self) -> None:
        """Remove everything."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.replace('/', '--')}.json"


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
