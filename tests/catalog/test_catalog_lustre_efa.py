"""Which types reach FSx for Lustre by their adapters, and over how many."""

from __future__ import annotations

import pytest

from ai_on_eks.catalog.loading import load_catalog
from ai_on_eks.catalog.lustre_efa import (
    FILE,
    least_module_versions,
    lustre_adapters,
    most_connections,
    why_not_by_efa,
)
from ai_on_eks.catalog.reading import read

TYPES = load_catalog("us-east-1").instance_types
ACCELERATED = [kind for kind in TYPES.values() if kind.served and kind.efa_interfaces and kind.accelerator_count]


def test_every_family_with_accelerators_and_adapters_has_a_version_and_no_other_is_named() -> None:
    """p3dn is older than Nitro's numbers on the page."""
    assert set(read(FILE)["nitro_versions"]) == {kind.family for kind in ACCELERATED} - {"p3dn"}


@pytest.mark.parametrize(
    ("name", "adapters"),
    [
        ("g6.48xlarge", 1),
        ("g6e.48xlarge", 2),
        ("p5.4xlarge", 1),
        ("p5.48xlarge", 8),
        ("p5en.48xlarge", 8),
        ("p6-b200.48xlarge", 8),
        ("p6-b300.48xlarge", 2),
        ("trn1.32xlarge", 2),
    ],
)
def test_as_many_adapters_are_taken_as_awss_own_setup_takes(name: str, adapters: int) -> None:
    assert lustre_adapters(TYPES[name]) == adapters


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("p4d.24xlarge", "Nitro version 3"),
        ("g5.48xlarge", "Nitro version 3"),
        ("trn2.48xlarge", "leaves out"),
        ("p3dn.24xlarge", "not known"),
        ("c7i.48xlarge", "not known"),
        ("g6e.xlarge", "no Elastic Fabric Adapter"),
    ],
)
def test_types_that_fsx_does_not_take_are_none_and_say_why(name: str, reason: str) -> None:
    assert reason in str(why_not_by_efa(TYPES[name]))
    assert lustre_adapters(TYPES[name]) == 0


def test_no_type_takes_more_than_it_has_nor_more_than_a_file_system() -> None:
    assert all(lustre_adapters(kind) <= kind.efa_interfaces for kind in ACCELERATED)
    assert max(map(lustre_adapters, ACCELERATED)) < most_connections()


def test_newer_adapters_ask_for_a_newer_network_driver() -> None:
    assert least_module_versions(TYPES["p6-b200.48xlarge"]) == {"efa": "2.12.1", "kefalnd": "1.1.1"}
    assert least_module_versions(TYPES["p5.48xlarge"]) == {"efa": "2.12.1"}
