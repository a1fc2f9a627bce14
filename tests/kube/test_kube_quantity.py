"""Kubernetes quantities, exactly."""

from __future__ import annotations

from fractions import Fraction

import pytest

from ai_on_eks.kube.quantity import parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        (8, 8),
        ("3500m", Fraction(7, 2)),
        ("0.1", Fraction(1, 10)),
        (".5", Fraction(1, 2)),
        ("12Gi", 12 * 2**30),
        ("1.5Ki", 1536),
        ("5k", 5000),
        ("2M", 2_000_000),
        ("1e3", 1000),
        ("1E3", 1000),
        ("1E", 10**18),
        ("250n", Fraction(1, 4_000_000)),
        ("-1", -1),
    ],
)
def test_quantity(text: str | int, value: int | Fraction) -> None:
    assert parse_quantity(text) == value


@pytest.mark.parametrize("text", ["", "Gi", "1gi", "1 Gi", "1KB", "one", "1Gi2", "0x10", "."])
def test_not_a_quantity(text: str) -> None:
    with pytest.raises(ValueError, match="not a quantity"):
        parse_quantity(text)
