"""The measured figures: records of `memory.yaml` and `parameters.yaml`, with the configs beside them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from ai_on_eks.descriptors.documents import read_json

SETTINGS = Path(__file__).with_name("settings.yaml")
MEASURED = frozenset({"measured_vllm", "measured_sglang"})


class Record(Struct, frozen=True):
    """One figure that somebody measured or published; `fields` are its own, named as in the file."""

    fields: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.fields.get("id") or self.fields["model"])

    @property
    def kind(self) -> str:
        return str(self.fields["kind"])

    @property
    def model(self) -> str:
        return str(self.fields["model"])

    @property
    def is_sure(self) -> bool:
        """A log or an error message, rather than a published manifest."""
        return self.fields.get("confidence") == "high"

    @property
    def is_anomaly(self) -> bool:
        return "anomal" in str(self.fields.get("note", "")).lower()

    @property
    def is_approximate(self) -> bool:
        """A figure that its source itself gives as about so much."""
        return "approx" in str(self.fields.get("note", "")).lower()

    def number(self, name: str) -> float | None:
        """A figure; None where the record has none. Some records write numbers as text."""
        value = self.fields.get(name)
        if isinstance(value, str):
            return float(value) if re.fullmatch(r"\d+(\.\d+)?", value) else None
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def text(self, name: str) -> str:
        return str(self.fields.get(name) or "")


class Truth(Struct, frozen=True):
    """A folder with the records."""

    folder: Path

    def memory(self) -> tuple[Record, ...]:
        """The records of memory, each with what its source says beside it (`settings.yaml`)."""
        settings = _load(SETTINGS)
        return tuple(
            Record({**settings.get(record.name, {}), **record.fields}) for record in self._records("memory.yaml")
        )

    def parameters(self) -> tuple[Record, ...]:
        return tuple(self._records("parameters.yaml"))

    def config(self, record: Record) -> dict[str, Any] | None:
        """The config a record of parameters names; None where it names none."""
        name = record.text("config")
        if not name:
            return None
        value = read_json(self.folder / name).value
        if not isinstance(value, dict):
            raise SystemExit(f"{name} holds no mapping")
        return dict(value)

    def _records(self, file: str) -> Iterator[Record]:
        return (Record(fields) for fields in _load(self.folder / file)["records"])


def _load(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe one
