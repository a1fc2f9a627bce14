"""Quotas: every type that can be launched counts against one, and a new generation against its letters' one."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.loading import build_catalog
from ai_on_eks.catalog.quotas import load_quotas, quota_codes


@pytest.mark.parametrize(
    ("family", "on_demand", "spot"),
    [
        ("m7i", "L-1216C47A", "L-34B43A08"),
        ("g6e", "L-DB2E81BA", "L-3819A6DF"),
        ("gr6", "L-DB2E81BA", "L-3819A6DF"),
        ("p4de", "L-417A185B", "L-7212CCBC"),
        ("p5en", "L-417A185B", "L-C4BD4855"),
        ("p6-b200", "L-417A185B", None),
        ("inf2", "L-1945791B", "L-B5D1601B"),
        ("trn1n", "L-2C3B7624", "L-6B0D517C"),
        ("dl1", "L-6E869C2A", "L-85EED4F7"),
        ("g99", "L-DB2E81BA", "L-3819A6DF"),
        ("quantum1", None, None),
        ("7up", None, None),
    ],
)
def test_given_a_family_then_its_letters_name_the_quota(family: str, on_demand: str | None, spot: str | None) -> None:
    assert quota_codes(family, load_quotas()) == (on_demand, spot)


def test_given_the_catalogue_then_every_type_has_an_on_demand_quota() -> None:
    kinds = build_catalog("us-east-1", {}).instance_types.values()
    assert [kind.name for kind in kinds if kind.vcpu_quota_code is None] == []
