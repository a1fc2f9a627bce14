"""The files in `catalog/data/`, as Python values. No other module of the catalogue knows where they lie."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "data"

_UNITS = {"GB/s": 1e9, "GiB/s": 2.0**30, "MiB": 2.0**20, "GiB": 2.0**30}


@cache
def read(name: str) -> dict[str, Any]:
    """One data file by its path relative to the folder, read once. The value is shared: nobody changes it."""
    document: dict[str, Any] = json.loads((DATA / name).read_bytes())
    return document


@cache
def regions() -> tuple[str, ...]:
    """Regions whose offerings are known, sorted."""
    return tuple(sorted(path.stem for path in (DATA / "offerings").glob("*.json")))


@cache
def spot_regions() -> tuple[str, ...]:
    """Regions whose spot prices were asked for, sorted."""
    return tuple(sorted(path.stem for path in (DATA / "spot").glob("*.json")))


@cache
def priced_regions() -> tuple[str, ...]:
    """Regions whose prices are known, sorted."""
    return tuple(sorted(path.stem for path in (DATA / "prices").glob("*.json")))


def quantity(text: str) -> float:
    """`'22.18 GiB'` as bytes, `'600 GB/s'` as bytes per second. An unknown unit is a defect of the data."""
    number, unit = text.split(" ")
    return float(number) * _UNITS[unit]
