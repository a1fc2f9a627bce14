"""What the kubelet leaves to pods, against nodes others have looked at."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ai_on_eks.catalog import kubelet
from ai_on_eks.catalog.loading import Catalog, build_catalog
from ai_on_eks.units import MIB


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return build_catalog("us-east-1", {})


@pytest.mark.parametrize(
    ("name", "pods", "cpu_millicores", "memory_mib"),
    [
        ("c7i.xlarge", 58, 3920, 6584),
        ("g4dn.metal", 737, 95690, 355262),
        ("g4dn.xlarge", 29, 3920, 14481),
        ("g5.48xlarge", 345, 191450, 723299),
        ("g5.xlarge", 58, 3920, 14162),
        ("g5g.xlarge", 58, 3920, 6525),
        ("g6e.12xlarge", 292, 47810, 360157),
        ("g6f.large", 20, 1930, 7002),
        ("g7e.4xlarge", 506, 15890, 115320),
        ("inf2.xlarge", 58, 3920, 14162),
        ("m8g.xlarge", 58, 3920, 14103),
        ("p5.48xlarge", 100, 191450, 1938410),
        ("p6-b300.48xlarge", 198, 191450, 3877198),
        ("trn1.32xlarge", 247, 127610, 481894),
        ("vt1.3xlarge", 58, 11900, 21739),
    ],
)
def test_given_a_type_then_pods_cpu_and_memory_are_what_karpenter_computes(
    catalog: Catalog, name: str, pods: int, cpu_millicores: int, memory_mib: int
) -> None:
    found = catalog.instance_types[name]
    assert (found.max_pods, found.allocatable_cpu_millicores, found.allocatable_memory_bytes) == (
        pods,
        cpu_millicores,
        memory_mib * MIB,
    )


@pytest.mark.parametrize(
    ("vcpus", "millicores"), [(1, 940), (2, 1930), (3, 2925), (4, 3920), (8, 7910), (96, 95690), (192, 191450)]
)
def test_given_vcpus_then_each_step_of_the_cpu_reserve_applies(vcpus: int, millicores: int) -> None:
    assert kubelet.allocatable_cpu_millicores(vcpus) == millicores


def test_given_equal_sizes_then_arm64_leaves_64_mib_before_the_hypervisors_share() -> None:
    x86 = kubelet.allocatable_memory_bytes(16384, "x86_64", 58)
    arm = kubelet.allocatable_memory_bytes(16384, "arm64", 58)
    assert (x86 - arm) // MIB == 59  # 64 MiB, less the 7.5 % that would have gone anyway


def test_given_less_memory_than_the_reserve_then_nothing_is_left_and_not_less() -> None:
    assert kubelet.allocatable_memory_bytes(512, "x86_64", 58) == 0


def test_given_every_published_node_then_all_figures_match(catalog: Catalog) -> None:
    table = Path(__file__).resolve().parents[3] / "shared" / "truth" / "instances.csv"
    if not table.is_file():
        pytest.skip("../shared/truth is absent: node figures not checked")
    with table.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["max_pods"]]
    different = {}
    for row in rows:
        found = catalog.instance_types[row["instance_type"]]
        ours = (found.max_pods, found.allocatable_cpu_millicores, found.allocatable_memory_bytes // MIB)
        theirs = tuple(int(row[key]) for key in ("max_pods", "k8s_allocatable_cpu_m", "k8s_allocatable_memory_mib"))
        if ours != theirs:
            different[row["instance_type"]] = (ours, theirs)
    assert len(rows) > 100
    assert different == {}
