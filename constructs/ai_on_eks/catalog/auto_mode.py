"""What EKS Auto Mode can start, read from `data/auto_mode.json`."""

from __future__ import annotations

from functools import cache

from ai_on_eks.catalog.reading import read
from ai_on_eks.catalog.types import InstanceType


@cache
def auto_mode_families() -> tuple[str, ...]:
    """Instance families, sorted."""
    return tuple(sorted(read("auto_mode.json")["families"]))


def auto_mode_starts(instance_type: InstanceType) -> bool:
    """Whether Auto Mode makes nodes of this type. Bare metal is in none of its families' supported sizes."""
    return instance_type.family in auto_mode_families() and ".metal" not in instance_type.name
