"""Loading: one frozen value per region, fast, and clear about what it does not know."""

from __future__ import annotations

import time

import pytest

from ai_on_eks.catalog import prices, reading
from ai_on_eks.catalog.accelerators import find, load_facts
from ai_on_eks.catalog.loading import build_catalog, load_catalog
from ai_on_eks.catalog.types import Vendor
from ai_on_eks.errors import InputError


def test_given_a_region_when_loaded_then_everything_is_there_and_read_only() -> None:
    catalog = load_catalog("us-east-1")
    assert len(catalog.instance_types) > 170
    assert "vllm" in catalog.engines
    for mapping in (catalog.instance_types, catalog.accelerators, catalog.snapshot):
        with pytest.raises(TypeError):
            mapping["x"] = None  # type: ignore[index]
    with pytest.raises(AttributeError):
        catalog.region = "eu-west-1"  # type: ignore[misc]


def test_given_a_region_when_loaded_twice_then_the_answer_is_the_same() -> None:
    assert build_catalog("eu-west-1", {}) == build_catalog("eu-west-1", {})


def test_given_an_unknown_region_then_the_nearest_is_named_and_all_are_allowed() -> None:
    with pytest.raises(InputError) as caught:
        load_catalog("us-west-22")
    (problem,) = caught.value.problems
    assert (problem.code, problem.path, problem.value) == ("unknown-region", "region", "us-west-22")
    assert problem.allowed[0] == "us-west-2"
    assert set(problem.allowed) == set(load_catalog("us-east-1").regions)
    assert problem.fix == "did you mean us-west-2?"


def test_given_a_region_with_two_letters_changed_over_then_the_one_of_the_same_letters_is_meant() -> None:
    with pytest.raises(InputError) as caught:
        load_catalog("us-esat-1")
    assert caught.value.problems[0].fix == "did you mean us-east-1?"


@pytest.mark.parametrize("region", ["../prices/us-east-1", "", "US-EAST-1", "us-east-1a"])
def test_given_something_that_is_no_region_then_it_is_an_input_error(region: str) -> None:
    with pytest.raises(InputError):
        load_catalog(region)


def test_given_a_region_without_published_prices_then_the_reference_regions_are_used_and_labelled() -> None:
    price = load_catalog("eu-central-1").instance_types["g5.xlarge"].price
    assert price is not None
    assert price.region == "us-east-1"


SNAPSHOTS = {"s": {"date": "2026-01-01", "source": "test"}}


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of two regions; only one region's spot history; one Capacity Block price."""
    reference = {"a.large": [1.0, "s"], "b.large": [2.0, "s"], "c.large": [3.0, "s"], "d.large": [None, "s"]}
    files = {
        "prices/us-east-1.json": {"snapshots": SNAPSHOTS, "prices": reference},
        "prices/eu-west-1.json": {"snapshots": SNAPSHOTS, "prices": {"a.large": [1.5, "s"], "b.large": [None, "s"]}},
        "spot/eu-west-1.json": {
            "generated": "2026-01-02",
            "source": "test",
            "prices": {"a.large": {"eu-west-1a": [0.4, 0.9, 0.9], "eu-west-1b": [0.5, 0.3, 0.6]}},
        },
        "capacity_blocks.json": {
            "prices": {
                "d.large": {"usd_per_hour": 9.0, "region": "most regions", "date": "2026-01-03", "source": "test"},
                "e.large": {"usd_per_hour": None, "region": "-", "date": "2026-01-03", "source": "test"},
            }
        },
    }
    monkeypatch.setattr(prices, "read", files.__getitem__)
    monkeypatch.setattr(prices, "priced_regions", lambda: ("eu-west-1", "us-east-1"))
    monkeypatch.setattr(prices, "spot_regions", lambda: ("eu-west-1",))


@pytest.mark.usefixtures("published")
def test_given_a_region_with_a_list_of_its_own_then_it_wins_and_its_null_stands() -> None:
    found = prices.load_prices("eu-west-1")
    assert {name: (price.usd_per_hour, price.region) for name, price in found.items()} == {
        "a.large": (1.5, "eu-west-1"),
        "c.large": (3.0, "us-east-1"),  # the region was never asked about it
    }


@pytest.mark.usefixtures("published")
def test_given_a_region_without_a_list_then_nothing_costs_nothing() -> None:
    found = prices.load_prices("me-south-1")
    assert {name: price.usd_per_hour for name, price in found.items()} == {
        "a.large": 1.0,
        "b.large": 2.0,
        "c.large": 3.0,
    }


@pytest.mark.usefixtures("published")
def test_given_spot_history_then_the_dearest_zones_mean_counts_and_no_other_regions() -> None:
    (price,) = prices.load_spot_prices("eu-west-1").values()
    assert (price.usd_per_hour, price.region, price.date) == (0.5, "eu-west-1", "2026-01-02")
    assert prices.load_spot_prices("us-east-1") == {}


@pytest.mark.usefixtures("published")
def test_given_capacity_blocks_then_only_published_prices_are_there() -> None:
    found = prices.load_capacity_block_prices()
    assert {name: price.usd_per_hour for name, price in found.items()} == {"d.large": 9.0}


def test_given_the_shipped_data_then_there_is_no_spot_price_and_none_is_made_up() -> None:
    kinds = load_catalog("us-east-1").instance_types.values()
    assert {kind.spot_price for kind in kinds} == {None}
    assert [kind.name for kind in kinds if kind.capacity_block_price] == ["p5e.48xlarge", "p5en.48xlarge"]


def test_given_a_region_then_zones_are_names_in_it_and_absence_is_empty() -> None:
    catalog = load_catalog("us-east-1")
    for region in catalog.regions:
        zones = [zone for name in catalog.instance_types for zone in catalog.zones(name, region)]
        assert zones
        assert all(zone[:-1] == region and zone[-1].isalpha() for zone in zones)
    assert catalog.zones("p6-b200.48xlarge", "me-south-1") == ()
    assert catalog.zones("no.such", "us-east-1") == ()


def test_given_zones_of_another_region_then_that_regions_offer_is_answered() -> None:
    catalog = load_catalog("us-east-1")
    assert set(catalog.zones("p5en.48xlarge", "us-west-2")) <= {f"us-west-2{letter}" for letter in "abcd"}
    with pytest.raises(InputError, match="unknown-region"):
        catalog.zones("g5.xlarge", "nowhere")


def test_given_a_device_nobody_has_described_then_it_is_never_mistaken_for_a_cpu_type() -> None:
    device = {"count": 8, "kind": "gpu", "manufacturer": "NVIDIA", "memory_mib": 4096, "name": "X 1000"}
    facts = find(load_facts(), device)
    assert (facts.complete, facts.accelerator.vendor, facts.accelerator.name) == (False, Vendor.OTHER, "nvidia-x-1000")


def test_given_devices_that_share_a_name_then_memory_tells_them_apart() -> None:
    facts = load_facts()
    for memory_mib, name in ((40960, "a100-40gb"), (81920, "a100-80gb")):
        device = {"manufacturer": "NVIDIA", "name": "A100", "memory_mib": memory_mib}
        assert find(facts, device).accelerator.name == name


def test_given_nothing_read_yet_then_the_catalogue_takes_less_than_30_ms() -> None:
    taken = []
    for _ in range(5):
        reading.read.cache_clear()
        start = time.process_time()
        build_catalog("us-east-1", {})
        taken.append(time.process_time() - start)
    assert min(taken) < 0.030


def test_given_the_snapshot_then_every_part_has_a_date_and_a_source() -> None:
    snapshot = load_catalog("ap-south-1").snapshot
    assert set(snapshot) == {"accelerators", "instance_types", "offerings", "prices"}
    assert all(part.date and part.source for part in snapshot.values())


def test_given_an_unknown_type_then_the_nearest_names_are_allowed() -> None:
    with pytest.raises(InputError) as caught:
        load_catalog("us-east-1").instance_type("g6e.11xlarge")
    (problem,) = caught.value.problems
    assert problem.code == "unknown-instance-type"
    assert "g6e.12xlarge" in problem.allowed
