"""The catalogue beside figures that others collected: every row, and every place where sources disagree."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ai_on_eks.catalog.loading import Catalog, build_catalog
from ai_on_eks.catalog.types import Accelerator, InstanceType, PurchaseRoute
from ai_on_eks.units import GIB, MIB

Row = dict[str, str]

NOT_A_TYPE = "trn3 (UltraServer"
"""Rows of servers for which no EC2 type is named anywhere."""

COUNTED_AS_FRACTIONS = ("g6f", "gr6f")
"""Families whose one fraction of a GPU counts as 1 there, and as what a device plugin shows here: none."""

OTHER_NETWORK = {"g7.2xlarge": 40.0, "g7.4xlarge": 80.0, "g7.8xlarge": 100.0, "dl1.24xlarge": 400.0}
"""Gbit/s where the row and EC2's own answer differ (g7), or where the row is words (dl1: 4 × 100)."""

ACCELERATORS = {
    "NVIDIA T4": "t4", "NVIDIA A10G": "a10g", "NVIDIA L4": "l4", "NVIDIA L40S": "l40s",
    "NVIDIA V100 16/32": "v100-32gb", "NVIDIA RTX PRO 4500 Blackwell": "rtx-pro-4500",
    "NVIDIA RTX PRO 6000 Server": "rtx-pro-6000", "NVIDIA A100 40GB": "a100-40gb", "NVIDIA A100 80GB": "a100-80gb",
    "NVIDIA H100": "h100", "NVIDIA H200": "h200", "NVIDIA B200": "b200", "NVIDIA B300": "b300", "NVIDIA GB200": "gb200",
    "AWS Inferentia": "inferentia", "AWS Inferentia2": "inferentia2", "AWS Trainium1": "trainium1",
    "AWS Trainium2": "trainium2", "AWS Trainium3": "trainium3",
}  # fmt: skip

PEAKS = {
    "bf16_dense_tflops": ("bf16", "fp16"), "fp8_dense_tflops": ("fp8",), "int8_dense_tops": ("int8",),
    "fp4_dense_tflops": ("fp4",),
}  # fmt: skip


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return build_catalog("us-east-1", {})


def rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def test_given_the_instances_that_others_list_then_ours_have_the_same_figures(shared: Path, catalog: Catalog) -> None:
    differences: list[str] = []
    compared = 0
    for row in rows(shared / "truth" / "instances.csv"):
        name = row["instance_type"]
        if name.startswith(NOT_A_TYPE):
            continue
        compared += 1
        for column, (ours, theirs) in figures(catalog.instance_types[name], row).items():
            if theirs is not None and ours != pytest.approx(theirs, rel=1e-6):
                differences.append(f"{name} {column}: {ours} here, {theirs} there")
    assert differences == []
    assert compared > 130


def figures(kind: InstanceType, row: Row) -> dict[str, tuple[float, float | None]]:
    """Ours and theirs by column. Theirs is None where the cell is empty or in words."""
    price = kind.price.usd_per_hour if kind.price else 0.0
    counted = 1 if kind.family in COUNTED_AS_FRACTIONS else kind.accelerator_count
    gib, mib = kind.memory_bytes / GIB, kind.allocatable_memory_bytes // MIB
    return {
        "vcpu": (kind.vcpus, number(row["vcpu"])),
        "memory_gib": (gib, number(row["memory_gib"])),
        "accelerator_count": (counted, number(row["accelerator_count"])),
        "accelerator_fraction": (kind.accelerator_share, number(row["accelerator_fraction"])),
        "efa_interfaces": (kind.efa_interfaces, number(row["efa_interfaces"])),
        "network_gbps": (kind.network_gbps, network_gbps(row)),
        "local_nvme_gb": (kind.local_nvme_bytes / 1e9, number(row["local_nvme_gb"])),
        "k8s_allocatable_memory_mib": (mib, number(row["k8s_allocatable_memory_mib"])),
        "k8s_allocatable_cpu_m": (kind.allocatable_cpu_millicores, number(row["k8s_allocatable_cpu_m"])),
        "max_pods": (kind.max_pods, number(row["max_pods"])),
        "on_demand_usd_hour_us_east_1": (price, number(row["on_demand_usd_hour_us_east_1"])),
    }


def network_gbps(row: Row) -> float | None:
    known = OTHER_NETWORK.get(row["instance_type"])
    return number(row["network_gbps"].removesuffix(" Gigabit")) if known is None else known


def number(text: str) -> float | None:
    return float(text) if text else None


def test_given_the_instances_that_others_list_then_usable_memory_is_a_little_less(
    shared: Path, catalog: Catalog
) -> None:
    for row in rows(shared / "truth" / "instances.csv"):
        kind = catalog.instance_types.get(row["instance_type"])
        theirs = number(row["accelerator_memory_gib"])
        if kind and theirs and kind.accelerator_memory_bytes:
            assert 0.88 <= kind.accelerator_memory_bytes / GIB / theirs <= 1.001, kind.name  # theirs are rounded


def test_given_the_accelerators_that_others_list_then_each_of_our_figures_is_one_of_theirs(
    shared: Path, catalog: Catalog
) -> None:
    differences: list[str] = []
    listed = {row["accelerator"]: row for row in rows(shared / "truth" / "accelerators.csv")}
    assert set(listed) == set(ACCELERATORS)
    for title, row in listed.items():
        ours = catalog.accelerators[ACCELERATORS[title]]
        differences += (f"{title}: {text}" for text in disagreements(ours, row))
    assert differences == []


def disagreements(ours: Accelerator, row: Row) -> Iterator[str]:
    bandwidths = [value * (GIB if "GiB/s" in row["mem_bw_gbps"] else 1e9) for value in numbers(row["mem_bw_gbps"])]
    if bandwidths and not near(ours.bandwidth_bytes_per_second, bandwidths):
        yield f"bandwidth {ours.bandwidth_bytes_per_second:g}, not {row['mem_bw_gbps']}"
    for column, kinds in PEAKS.items():
        peaks = [value * 1e12 for value in numbers(row[column])]
        for kind in kinds if peaks and ours.dense_flops else ():
            if kind in ours.dense_flops and not near(ours.dense_flops[kind], peaks):
                yield f"{kind} {ours.dense_flops[kind]:g}, not {row[column]}"
    capability = re.fullmatch(r"(\d+)\.(\d+)", row["compute_capability"])
    if capability and ours.compute_capability != (int(capability[1]), int(capability[2])):
        yield f"compute capability {ours.compute_capability}, not {row['compute_capability']}"
    column = "interconnect_per_gpu_one_direction_gbps"
    links = [value * (GIB if "GiB/s" in row[column] else 1e9) for value in numbers(row[column]) if value > 5]
    if links and ours.link_bytes_per_second and not near(ours.link_bytes_per_second, links):
        yield f"link {ours.link_bytes_per_second:g}, not {row[column]}"


def numbers(cell: str) -> list[float]:
    return [float(text) for text in re.findall(r"(?<![A-Za-z\d.])\d+(?:\.\d+)?", cell)]


def near(ours: float, theirs: list[float]) -> bool:
    return any(abs(ours - value) <= 0.005 * value for value in theirs)


def test_given_where_the_sources_disagree_then_the_catalogue_has_what_holds(catalog: Catalog) -> None:
    kinds, devices = catalog.instance_types, catalog.accelerators
    # Trainium2: 96 GiB a chip, whatever EC2 answers.
    assert {kinds[f"trn2{rest}"].accelerator_memory_bytes for rest in (".3xlarge", ".48xlarge", "u.48xlarge")} == {
        96 * GIB
    }
    # A fraction of a GPU: no device plugin shows it.
    assert not any(kind.shows_accelerator for kind in kinds.values() if kind.family in COUNTED_AS_FRACTIONS)
    # Brochure, EC2 and driver name three sizes: what is usable is the driver's.
    for name, low, high in (("a10g", 22.0, 22.3), ("l4", 22.0, 22.3), ("l40s", 44.5, 45.0), ("h200", 139.8, 140.4)):
        assert low * GIB - 1 <= devices[name].memory_bytes <= high * GIB, name
    # p5.48xlarge: the price of before mid-2025 still circulates.
    price = kinds["p5.48xlarge"].price
    assert price is not None
    assert price.usd_per_hour == 55.04
    # Sold in Capacity Blocks or at spot prices only.
    for name in ("p5e.48xlarge", "p6e-gb200.36xlarge", "trn2.3xlarge", "trn2.48xlarge", "trn2u.48xlarge"):
        assert kinds[name].price is None, name
        assert PurchaseRoute.ON_DEMAND not in kinds[name].purchase_routes, name
    # 36 is the UltraServer's number of GPUs.
    assert kinds["p6e-gb200.36xlarge"].accelerator_count == 4
    assert devices["b300"].memory_bytes * 8 <= 2_200_320 * MIB
