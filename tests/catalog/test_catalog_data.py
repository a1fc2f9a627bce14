"""The shipped data is plausible: what can be wrong in a table of facts without anyone noticing."""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import ai_on_eks.catalog
from ai_on_eks.catalog.loading import Catalog, build_catalog
from ai_on_eks.catalog.types import InstanceType, Price, PurchaseRoute, Vendor
from ai_on_eks.units import GIB, MIB

DATA = Path(ai_on_eks.catalog.__file__).parent / "data"
AMI_TYPES = {
    "AL2023_ARM_64_NVIDIA",
    "AL2023_ARM_64_STANDARD",
    "AL2023_x86_64_NEURON",
    "AL2023_x86_64_NVIDIA",
    "AL2023_x86_64_STANDARD",
}


def document(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return build_catalog("us-east-1", {})


@pytest.fixture(scope="module")
def served(catalog: Catalog) -> list[InstanceType]:
    return [kind for kind in catalog.instance_types.values() if kind.served]


def sourced_entries() -> Iterator[tuple[str, dict[str, Any]]]:
    tables = (("accelerators.json", "accelerators"), ("cpus.json", "cpus"), ("mig_profiles.json", "accelerators"))
    for name, section in (*tables, ("capacity_blocks.json", "prices")):
        yield from ((f"{name}:{key}", entry) for key, entry in document(name)[section].items())
    for name, section in (("corrections.json", "corrections"), ("not_served.json", "not_served")):
        yield from ((f"{name}:{entry['id']}", entry) for entry in document(name)[section])
    extra = document("extra_types.json")["instance_types"]
    yield from ((f"extra_types.json:{key}", entry) for key, entry in extra.items())
    yield from ((name, document(name)) for name in ("ami_types.json", "quotas.json"))
    for path in sorted((DATA / "prices").glob("*.json")):
        snapshots = document(f"prices/{path.name}")["snapshots"]
        yield from ((f"prices/{path.name}:{key}", entry) for key, entry in snapshots.items())


@pytest.mark.parametrize(("where", "entry"), [pytest.param(*pair, id=pair[0]) for pair in sourced_entries()])
def test_given_a_hand_made_fact_then_it_has_a_source_and_a_date(where: str, entry: dict[str, Any]) -> None:
    assert len(entry["source"]) > 8, where
    assert datetime.date(2020, 1, 1) <= datetime.date.fromisoformat(entry["date"]) <= datetime.date(2100, 1, 1)


@pytest.mark.parametrize(
    "path", [*sorted(DATA.glob("offerings/*.json")), DATA / "instance_types.json"], ids=lambda path: path.name
)
def test_given_a_generated_file_then_it_says_where_and_when_it_comes_from(path: Path) -> None:
    loaded = json.loads(path.read_text(encoding="utf-8"))
    datetime.date.fromisoformat(loaded["generated"])
    assert loaded["source"].startswith("EC2 ")
    assert set(loaded["tool"]) == {"name", "version"}


def test_given_any_mapping_of_the_data_then_its_names_are_sorted(catalog: Catalog) -> None:
    for mapping in (
        catalog.instance_types,
        catalog.accelerators,
        document("accelerators.json")["accelerators"],
        document("cpus.json")["cpus"],
        document("extra_types.json")["instance_types"],
        document("instance_types.json")["instance_types"],
        document("offerings/us-east-1.json")["offerings"],
        document("prices/us-east-1.json")["prices"],
    ):
        assert list(mapping) == sorted(mapping)


def test_given_memory_and_vcpus_then_their_ratio_is_one_that_ec2_sells(catalog: Catalog) -> None:
    odd = {
        kind.name: kind.memory_bytes / kind.vcpus / GIB
        for kind in catalog.instance_types.values()
        if not 1.9 <= kind.memory_bytes / kind.vcpus / GIB <= 22
    }
    assert odd == {}


def test_given_a_family_then_its_largest_host_has_the_most_accelerator_memory(catalog: Catalog) -> None:
    for family, kinds in by_family(catalog).items():
        largest = max(kinds, key=lambda kind: (kind.memory_bytes, kind.vcpus))
        assert accelerator_memory(largest) == max(map(accelerator_memory, kinds)), family


def accelerator_memory(kind: InstanceType) -> int:
    return kind.accelerator_count * kind.accelerator_memory_bytes


def test_given_a_family_then_a_larger_shape_never_costs_less(catalog: Catalog) -> None:
    def shape(kind: InstanceType) -> tuple[float, ...]:
        return (kind.vcpus, kind.memory_bytes, accelerator_memory(kind))

    compared = 0
    for kinds in by_family(catalog).values():
        priced = [(shape(kind), kind.price.usd_per_hour, kind.name) for kind in kinds if kind.price]
        for small, small_usd, small_name in priced:
            for large, large_usd, large_name in priced:
                if small != large and all(a <= b for a, b in zip(small, large, strict=True)):
                    compared += 1
                    assert small_usd <= large_usd, (small_name, large_name)
    assert compared > 300


def test_given_a_family_then_a_larger_shape_never_has_a_narrower_path(catalog: Catalog) -> None:
    def shape(kind: InstanceType) -> tuple[float, ...]:
        return (kind.vcpus, kind.memory_bytes, accelerator_memory(kind))

    def paths(kind: InstanceType) -> tuple[float, ...]:
        return (kind.network_gbps, kind.efa_gbps, kind.ebs_baseline_bytes_per_second, kind.local_nvme_bytes)

    narrower = {
        (small.name, large.name)
        for kinds in by_family(catalog).values()
        for small in kinds
        for large in kinds
        if small.served
        and large.served
        and all(a <= b for a, b in zip(shape(small), shape(large), strict=True))
        and any(a > b for a, b in zip(paths(small), paths(large), strict=True))
        and shape(small) != shape(large)
    }
    assert narrower == set()


@pytest.mark.parametrize(("kind", "gib_per_vcpu"), [("c", 2), ("m", 4), ("r", 8)])
def test_given_a_general_family_then_each_size_has_its_kinds_share_of_memory(
    catalog: Catalog, kind: str, gib_per_vcpu: int
) -> None:
    families = {f"{kind}{generation}" for generation in ("7a", "7g", "7i", "8a", "8g", "8i")}
    found = [known for known in catalog.instance_types.values() if known.family in families]
    assert {known.family for known in found} == families
    assert {known.memory_bytes / known.vcpus / GIB for known in found} == {gib_per_vcpu}
    assert all(known.served for known in found)


@pytest.mark.parametrize(
    ("name", "al2023", "bottlerocket"),
    [
        ("g6e.xlarge", "AL2023_x86_64_NVIDIA", "BOTTLEROCKET_x86_64_NVIDIA"),
        ("g5g.xlarge", "AL2023_ARM_64_NVIDIA", "BOTTLEROCKET_ARM_64_NVIDIA"),
        ("p6e-gb200.36xlarge", "AL2023_ARM_64_NVIDIA", None),
        ("inf2.xlarge", "AL2023_x86_64_NEURON", "BOTTLEROCKET_x86_64"),
        ("m8g.large", "AL2023_ARM_64_STANDARD", "BOTTLEROCKET_ARM_64"),
        ("g4ad.xlarge", None, None),
    ],
)
def test_given_a_type_then_its_images_are_those_that_eks_publishes(
    catalog: Catalog, name: str, al2023: str | None, bottlerocket: str | None
) -> None:
    kind = catalog.instance_types[name]
    assert (kind.ami_type, kind.bottlerocket_ami_type) == (al2023, bottlerocket)


def test_given_an_accelerator_with_a_link_then_its_bandwidth_has_a_source(catalog: Catalog) -> None:
    for accelerator in catalog.accelerators.values():
        assert (accelerator.link_bytes_per_second > 0) == bool(accelerator.link_source), accelerator.name


def by_family(catalog: Catalog) -> dict[str, list[InstanceType]]:
    families: dict[str, list[InstanceType]] = defaultdict(list)
    for kind in catalog.instance_types.values():
        families[kind.family].append(kind)
    return families


def test_given_a_price_then_it_is_positive_and_dated_and_every_type_has_an_entry(catalog: Catalog) -> None:
    assert set(document("prices/us-east-1.json")["prices"]) == set(catalog.instance_types)
    for kind in catalog.instance_types.values():
        if kind.price:
            assert 0.01 < kind.price.usd_per_hour < 500, kind.name
            assert (kind.price.region, kind.price.date[:4]) == ("us-east-1", "2026")


def test_given_an_on_demand_type_that_is_served_then_it_has_a_price(served: list[InstanceType]) -> None:
    assert [k.name for k in served if PurchaseRoute.ON_DEMAND in k.purchase_routes and k.price is None] == []


@pytest.mark.parametrize(
    ("name", "usd"), [("p5.48xlarge", 55.04), ("g5.xlarge", 1.006), ("m7i.large", 0.1008), ("inf2.xlarge", 0.7582)]
)
def test_given_a_price_that_circulates_wrongly_then_ours_is_the_published_one(
    catalog: Catalog, name: str, usd: float
) -> None:
    price = catalog.instance_types[name].price
    assert isinstance(price, Price)
    assert price.usd_per_hour == usd


def test_given_a_served_type_then_nothing_that_a_plan_needs_is_missing(served: list[InstanceType]) -> None:
    assert len(served) > 130
    for kind in served:
        assert kind.ami_type in AMI_TYPES, kind.name
        assert ("ARM_64" in kind.ami_type) == (kind.architecture == "arm64"), kind.name
        assert kind.purchase_routes, kind.name
        assert 0 < kind.allocatable_memory_bytes < kind.memory_bytes, kind.name
        assert 0 < kind.allocatable_cpu_millicores < kind.vcpus * 1000, kind.name
        assert min(kind.max_pods, kind.network_cards) > 0, kind.name
        assert kind.network_gbps > 0, kind.name
        if kind.accelerator is None:
            assert kind.cpu_flops_per_vcpu, kind.name
            assert kind.memory_bandwidth_bytes_per_second, kind.name
            continue
        assert kind.accelerator_count > 0, kind.name
        assert kind.accelerator.resource_name in ("nvidia.com/gpu", "aws.amazon.com/neuron"), kind.name
        assert kind.accelerator.dense_flops["fp16"] > 1e13, kind.name
        assert kind.accelerator.bandwidth_bytes_per_second > 1e11, kind.name
        assert kind.accelerator_memory_bytes == kind.accelerator.memory_bytes, kind.name
        assert kind.accelerator_count == 1 or kind.accelerator.link_bytes_per_second > 0, kind.name


def test_given_a_type_then_exactly_the_unserved_say_why(catalog: Catalog) -> None:
    for kind in catalog.instance_types.values():
        assert kind.served == (kind.not_served_reason is None), kind.name


def test_given_the_families_nothing_runs_on_then_they_are_listed_and_not_served(catalog: Catalog) -> None:
    unserved = {kind.family for kind in catalog.instance_types.values() if not kind.served}
    assert unserved == {
        "dl1", "dl2q", "f2", "g4ad", "g5g", "g6f", "g7", "gr6f", "inf1", "p3", "p6e-gb200", "trn2u", "vt1",
    }  # fmt: skip
    assert "595" in str(catalog.instance_types["g7.2xlarge"].not_served_reason)


def test_given_neuron_types_with_a_current_sdk_then_they_are_candidates(catalog: Catalog) -> None:
    neuron = {k.family for k in catalog.instance_types.values() if k.served and k.ami_type == "AL2023_x86_64_NEURON"}
    assert neuron == {"inf2", "trn1", "trn1n", "trn2"}


def test_given_usable_memory_then_it_is_below_what_ec2_answers_and_not_far_below(catalog: Catalog) -> None:
    records = document("instance_types.json")["instance_types"]
    compared = 0
    for name, record in records.items():
        kind = catalog.instance_types[name]
        if kind.served and kind.accelerator and kind.family != "trn2":
            compared += 1
            assert 0.88 <= kind.accelerator_memory_bytes / (record["accelerators"][0]["memory_mib"] * MIB) <= 1, name
    assert compared > 40


@pytest.mark.parametrize(
    ("name", "count", "memory_gib"),
    [
        ("trn2.48xlarge", 16, 96), ("trn2.3xlarge", 1, 96), ("trn2u.48xlarge", 16, 96), ("g6f.large", 0, 2.75),
        ("gr6f.4xlarge", 0, 11), ("p6e-gb200.36xlarge", 4, 185.03), ("g5.xlarge", 1, 22.18), ("g6e.48xlarge", 8, 44.52),
        ("p5.48xlarge", 8, 79.18), ("p5en.48xlarge", 8, 139.8), ("p4d.24xlarge", 8, 39.4), ("p4de.24xlarge", 8, 79.15),
    ],
)  # fmt: skip
def test_given_where_sources_disagree_then_the_device_is_what_a_pod_finds(
    catalog: Catalog, name: str, count: int, memory_gib: float
) -> None:
    kind = catalog.instance_types[name]
    assert kind.accelerator_count == count
    assert kind.accelerator_memory_bytes == int(memory_gib * GIB)


def test_given_an_a10g_then_its_24_gigabytes_are_not_there(catalog: Catalog) -> None:
    assert catalog.accelerators["a10g"].memory_bytes < 24e9


def test_given_a_correction_then_ec2_still_answers_what_it_corrects() -> None:
    records = document("instance_types.json")["instance_types"]
    for correction in document("corrections.json")["corrections"]:
        for name in correction["instance_types"]:
            assert set(correction["was"]) == set(correction["set"])
            answered = {key: records[name][key] for key in correction["was"]}
            assert answered == correction["was"], f"{correction['id']} is obsolete: remove it"


def test_given_types_without_a_published_price_then_they_are_not_sold_on_demand(catalog: Catalog) -> None:
    for name in ("p5e.48xlarge", "trn2.3xlarge", "trn2.48xlarge", "trn2u.48xlarge", "p6e-gb200.36xlarge"):
        kind = catalog.instance_types[name]
        assert PurchaseRoute.ON_DEMAND not in kind.purchase_routes, name
        assert PurchaseRoute.CAPACITY_BLOCK in kind.purchase_routes, name


@pytest.mark.parametrize(
    ("name", "gbps", "efa"),
    [
        ("g5.xlarge", 2.5, 0), ("g6e.48xlarge", 400, 4), ("p4d.24xlarge", 400, 4), ("p5.48xlarge", 3200, 32),
        ("p5en.48xlarge", 3200, 16), ("p6-b200.48xlarge", 3200, 8), ("p6-b300.48xlarge", 6400, 16),
        ("trn1.32xlarge", 800, 8), ("trn1n.32xlarge", 1600, 16), ("inf2.xlarge", 2.083, 0),
    ],
)  # fmt: skip
def test_given_several_cards_then_network_is_the_sustained_total(
    catalog: Catalog, name: str, gbps: float, efa: int
) -> None:
    kind = catalog.instance_types[name]
    assert (kind.network_gbps, kind.efa_interfaces) == (gbps, efa)


@pytest.mark.parametrize(
    ("name", "gflops_per_vcpu", "socket_share_gb_per_s"),
    [
        ("m7i.48xlarge", 102.4, 614.4),  # 64 × 3.2 GHz ÷ 2 threads; two sockets of 8 × 8 B × 4800 MT/s
        ("c7a.24xlarge", 118.4, 460.8),  # 32 × 3.7 GHz; one socket of 12 × 8 B × 4800 MT/s
        ("m8g.xlarge", 89.6, 22.4),  # 32 × 2.8 GHz; 4 of 96 vCPUs of 12 × 8 B × 5600 MT/s
    ],
)
def test_given_a_general_type_then_its_peak_follows_from_the_microarchitecture(
    catalog: Catalog, name: str, gflops_per_vcpu: float, socket_share_gb_per_s: float
) -> None:
    kind = catalog.instance_types[name]
    assert kind.cpu_flops_per_vcpu == pytest.approx(gflops_per_vcpu * 1e9)
    assert kind.memory_bandwidth_bytes_per_second == pytest.approx(socket_share_gb_per_s * 1e9)


def test_given_trn1n_then_its_chips_are_linked_twice_as_fast(catalog: Catalog) -> None:
    links = [
        catalog.instance_types[name].accelerator.link_bytes_per_second  # type: ignore[union-attr]
        for name in ("trn1.32xlarge", "trn1n.32xlarge")
    ]
    assert links == [384 * GIB, 768 * GIB]


def test_given_dense_peaks_then_narrower_types_are_never_slower(catalog: Catalog) -> None:
    for accelerator in catalog.accelerators.values():
        flops = accelerator.dense_flops
        steps = [flops[kind] for kind in ("fp32", "fp16", "fp8", "fp4") if kind in flops]
        assert all(wide <= narrow for wide, narrow in pairwise(steps)), accelerator.name
        if accelerator.vendor is Vendor.NVIDIA and (accelerator.compute_capability or (0, 0)) < (8, 0):
            assert "bf16" not in flops, accelerator.name


def test_given_the_general_families_then_the_system_nodes_type_is_served(catalog: Catalog) -> None:
    assert catalog.instance_types["m7i.large"].served
