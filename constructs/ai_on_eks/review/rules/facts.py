"""Names and numbers the rules compare with, read once, each file with its source and date."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.prices import REFERENCE_REGION
from ai_on_eks.catalog.types import InstanceType

_DATA = Path(__file__).resolve().parent / "data"


@cache
def read(name: str) -> dict[str, Any]:
    """One data file. The value is shared: nobody changes it."""
    document: dict[str, Any] = json.loads((_DATA / name).read_bytes())
    return document


@cache
def eks_names(what: str) -> tuple[str, ...]:
    """Names that EKS accepts: `auto_mode_node_pools`, `ami_types`, `addons`."""
    return tuple(read("eks.json")[what]["names"])


@cache
def instance_type_names() -> frozenset[str]:
    """Every type that EC2 has, those of the catalogue among them."""
    sizes = read("instance_types.json")["sizes"]
    known = {f"{family}.{size}" for family, text in sizes.items() for size in text.split()}
    return frozenset(known | set(load_catalog(REFERENCE_REGION).instance_types))


def catalogued(name: object) -> InstanceType | None:
    """What the catalogue knows of a type; None for one that it does not describe."""
    return load_catalog(REFERENCE_REGION).instance_types.get(name) if isinstance(name, str) else None


def nearest(word: str, known: Iterable[str]) -> str:
    """`, did you mean X?`, or nothing where no name is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only a finding pays for the import

    found = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f", did you mean {found[0]}?" if found else ""
