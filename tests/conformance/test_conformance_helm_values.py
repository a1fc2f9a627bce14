"""Helm ignores a value that its chart does not know; so every key we set must be one that the chart has."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ai_on_eks.aws import gpu_operator
from ai_on_eks.descriptors.platform import Network, Platform

KNOWN = frozenset({"driver", "driver.enabled", "labels", "worker", "worker.tolerations"})


def unknown_keys(values: dict[str, Any], known: frozenset[str], prefix: str = "") -> list[str]:
    """Dotted names in `values` that the chart does not list. A mapping the chart lists without keys is free-form."""
    unknown = []
    for key, value in values.items():
        name = f"{prefix}{key}"
        if name not in known:
            unknown.append(name)
        elif isinstance(value, dict) and any(other.startswith(f"{name}.") for other in known):
            unknown += unknown_keys(value, known, f"{name}.")
    return unknown


@pytest.mark.parametrize(
    ("values", "unknown"),
    [
        ({"driver": {"enabled": False}, "worker": {"tolerations": [{"key": "x"}]}}, []),
        ({"driver": {"enable": False}}, ["driver.enable"]),
        ({"drivers": {"enabled": False}}, ["drivers"]),
        ({"labels": {"any": "thing"}}, []),
    ],
)
def test_the_check_tells_known_from_unknown(values: dict[str, Any], unknown: list[str]) -> None:
    assert unknown_keys(values, KNOWN) == unknown


def test_every_value_of_the_gpu_operator_is_one_of_its_chart(shared: Path) -> None:
    known = frozenset((shared / "chart-values" / "gpu-operator.txt").read_text(encoding="utf-8").split())
    zones = ("us-east-1a", "us-east-1b")
    platform = Platform(name="demo", region="us-east-1", network=Network(availability_zones=zones))

    values = gpu_operator.values(platform)

    assert values
    assert unknown_keys(values, known) == []
