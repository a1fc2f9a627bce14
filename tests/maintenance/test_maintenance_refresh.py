"""The refresh, end to end against moto's copy of EC2's answers, cut down to a few types. No socket is opened."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.ec2.models import instance_types as moto_types

import ai_on_eks.catalog
from ai_on_eks.catalog import reading
from ai_on_eks.catalog.loading import build_catalog
from ai_on_eks.maintenance import __main__ as maintenance
from ai_on_eks.maintenance import ec2, refresh
from ai_on_eks.maintenance.asking import Account
from ai_on_eks.maintenance.instance_types import record, selected

SHIPPED = Path(ai_on_eks.catalog.__file__).parent / "data"
TYPES = ("g5.xlarge", "g6f.large", "inf1.xlarge", "inf2.xlarge", "m7i.large", "p5.48xlarge", "trn2.48xlarge")
ALSO_OFFERED = ("trn2u.48xlarge", "vt1.3xlarge", "t3.micro", "m5.large")
REGIONS = ("us-east-1", "us-west-2")


@pytest.fixture
def few_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """moto answers a hundred times faster when it knows a hundred times less."""
    kept = set(TYPES + ALSO_OFFERED)
    some = [kind for kind in moto_types.InstanceTypeBackend.instance_types if kind["InstanceType"] in kept]
    offered = {
        region: [
            entry
            for entry in moto_types.INSTANCE_TYPE_OFFERINGS["availability-zone"][region]
            if entry["InstanceType"] in kept
        ]
        for region in REGIONS
    }
    monkeypatch.setattr(moto_types.InstanceTypeBackend, "instance_types", some)
    monkeypatch.setitem(moto_types.INSTANCE_TYPE_OFFERINGS, "availability-zone", offered)


def run(output: Path, *more: str) -> int:
    return refresh.main(["--source", "moto", "-o", str(output), "--date", "2026-11-28", *more])


def loaded(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


@pytest.mark.usefixtures("few_types")
def test_given_moto_when_refreshed_then_exactly_what_is_shipped_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "--regions", *REGIONS) == 0
    written, shipped = loaded(tmp_path / "instance_types.json"), loaded(SHIPPED / "instance_types.json")
    assert set(written["instance_types"]) == {*TYPES, "trn2u.48xlarge", "vt1.3xlarge"}
    for name, found in written["instance_types"].items():
        assert found == shipped["instance_types"][name], name
    assert {**written, "instance_types": 0} == {**shipped, "instance_types": 0}
    for region in REGIONS:
        offered = loaded(tmp_path / f"offerings/{region}.json")["offerings"]
        ours = loaded(SHIPPED / f"offerings/{region}.json")["offerings"]
        assert offered == {name: zones for name, zones in ours.items() if name in written["instance_types"]}
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "us-west-2: " in printed.err


@pytest.mark.usefixtures("few_types")
def test_given_two_runs_then_the_bytes_are_equal(tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert run(tmp_path / name, "--regions", *REGIONS) == 0
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.json"))
    assert [str(path) for path in files] == [
        "instance_types.json",
        "offerings/us-east-1.json",
        "offerings/us-west-2.json",
    ]
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


@pytest.mark.usefixtures("few_types")
def test_given_a_region_that_offers_nothing_then_nothing_is_written(tmp_path: Path) -> None:
    assert run(tmp_path, "--regions", "mx-central-1") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("few_types")
def test_given_an_interruption_then_nothing_is_written_and_the_next_run_asks_only_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    offerings, asked = ec2.offerings, []

    def breaks_off(client: Any) -> Any:
        asked.append(client.meta.region_name)
        if client.meta.region_name == "us-west-2" and len(asked) == 2:
            raise ConnectionError("the line is dead")
        return offerings(client)

    monkeypatch.setattr(ec2, "offerings", breaks_off)
    options = ("--regions", *REGIONS, "--workers", "1")
    with pytest.raises(ConnectionError):
        run(tmp_path, *options)
    assert [path.name for path in tmp_path.iterdir()] == [".refresh"]
    assert run(tmp_path, *options) == 0
    assert asked == ["us-east-1", "us-west-2", "us-west-2"]
    assert "1 of 2 were asked before the interruption" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["instance_types.json", "offerings"]
    assert run(tmp_path / "at-once", *options) == 0
    for name in ("instance_types.json", "offerings/us-west-2.json"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "at-once" / name).read_bytes()


class Aws:
    """The least of two clients: one region's offers, descriptions and prices."""

    def __init__(self, service: str, region: str, asked: list[Any]) -> None:
        self.service, self.region, self.asked = service, region, asked

    def describe_regions(self) -> dict[str, Any]:
        return {"Regions": [{"RegionName": "us-east-1"}, {"RegionName": "eu-west-1"}]}

    def get_paginator(self, operation: str) -> Pages:
        return Pages(operation, self)


OFFERS = {
    "eu-west-1": {"g5.xlarge": "eu-west-1a", "trn2.48xlarge": "eu-west-1b"},
    "us-east-1": {"g5.xlarge": "us-east-1a"},
}


class Pages:
    def __init__(self, operation: str, client: Aws) -> None:
        self.operation, self.client = operation, client

    def paginate(self, **parameters: Any) -> list[dict[str, Any]]:
        region = self.client.region
        self.client.asked.append((self.operation, region, parameters))
        if self.operation == "describe_instance_type_offerings":
            return [{"InstanceTypeOfferings": [{"InstanceType": k, "Location": z} for k, z in OFFERS[region].items()]}]
        if self.operation == "describe_instance_types":
            names = parameters["Filters"][0]["Values"] if parameters else OFFERS[region]
            return [{"InstanceTypes": [moto_types.INSTANCE_TYPES[name] for name in names]}]
        if self.operation == "describe_spot_price_history":
            zone, when = OFFERS[region]["g5.xlarge"], parameters["StartTime"]
            change = {"InstanceType": "g5.xlarge", "AvailabilityZone": zone, "SpotPrice": "0.5", "Timestamp": when}
            return [{"SpotPriceHistory": [change]}]
        (wanted,) = [f["Value"] for f in parameters["Filters"] if f["Field"] == "regionCode"]
        usd = {"us-east-1": "1.006", "eu-west-1": "1.123"}[wanted]
        dimension = {"unit": "Hrs", "pricePerUnit": {"USD": usd}}
        priced = {
            "product": {"attributes": {"instanceType": "g5.xlarge"}},
            "terms": {"OnDemand": {"T": {"priceDimensions": {"R": dimension}}}},
        }
        return [{"PriceList": [json.dumps(priced)]}]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Questions to an account of two regions, in the order of asking."""
    questions: list[Any] = []

    @contextlib.contextmanager
    def account() -> Iterator[Account]:
        yield Account(lambda service, region: Aws(service, region, questions), "EC2, as a test plays it")

    monkeypatch.setitem(refresh.SOURCES, "aws", account)
    return questions


def run_aws(output: Path, *more: str) -> int:
    return refresh.main(["-o", str(output), "--date", "2026-11-24", "--workers", "1", *more])


def test_given_a_type_that_only_another_region_has_then_it_is_described_there_once(
    tmp_path: Path, asked: list[Any]
) -> None:
    assert run_aws(tmp_path, "--only", "types") == 0
    described = [(region, question) for operation, region, question in asked if operation == "describe_instance_types"]
    assert described == [
        ("us-east-1", {}),
        ("eu-west-1", {"Filters": [{"Name": "instance-type", "Values": ["trn2.48xlarge"]}]}),
    ]
    assert list(loaded(tmp_path / "instance_types.json")["instance_types"]) == ["g5.xlarge", "trn2.48xlarge"]


def test_given_an_account_then_prices_are_written_per_region_and_absence_is_null(
    tmp_path: Path, asked: list[Any]
) -> None:
    assert run_aws(tmp_path) == 0
    assert loaded(tmp_path / "prices/eu-west-1.json")["prices"] == {
        "g5.xlarge": [1.123, "2026-11-24"],
        "trn2.48xlarge": [None, "2026-11-24"],
    }
    assert loaded(tmp_path / "prices/us-east-1.json")["prices"]["g5.xlarge"] == [1.006, "2026-11-24"]
    spot = loaded(tmp_path / "spot/eu-west-1.json")
    assert spot["prices"] == {"g5.xlarge": {"eu-west-1a": [0.5, 0.5, 0.5]}}
    assert (spot["generated"], spot["source"]) == ("2026-11-24", "EC2 DescribeSpotPriceHistory")
    asked_of_spot = [question["InstanceTypes"] for operation, _, question in asked if "spot" in operation]
    assert asked_of_spot == [["g5.xlarge", "trn2.48xlarge"], ["g5.xlarge"]]


def test_given_only_prices_then_types_are_those_of_the_files_and_stay_as_they_are(
    tmp_path: Path, asked: list[Any]
) -> None:
    assert run_aws(tmp_path, "--only", "types") == 0
    before = (tmp_path / "instance_types.json").read_bytes()
    asked.clear()
    assert run_aws(tmp_path, "--only", "prices", "--regions", "eu-west-1") == 0
    assert {operation for operation, _, _ in asked} == {"get_products"}
    assert (tmp_path / "instance_types.json").read_bytes() == before
    assert [path.name for path in (tmp_path / "prices").iterdir()] == ["eu-west-1.json"]


def test_given_refreshed_prices_then_the_catalogue_takes_them(
    tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SHIPPED, tmp_path / "data")
    assert run_aws(tmp_path / "data", "--only", "prices", "spot", "--regions", "eu-west-1") == 0
    monkeypatch.setattr(reading, "DATA", tmp_path / "data")
    for cached in (reading.read, reading.priced_regions, reading.spot_regions):
        cached.cache_clear()
    try:
        kinds = build_catalog("eu-west-1", {}).instance_types
    finally:
        for cached in (reading.read, reading.priced_regions, reading.spot_regions):
            cached.cache_clear()
    price, spot = kinds["g5.xlarge"].price, kinds["g5.xlarge"].spot_price
    assert price is not None
    assert (price.usd_per_hour, price.region, price.date) == (1.123, "eu-west-1", "2026-11-24")
    assert spot is not None
    assert (spot.usd_per_hour, spot.region, spot.date) == (0.5, "eu-west-1", "2026-11-24")
    assert kinds["g6.xlarge"].price is None  # the region's own list is known and lacks it


def test_given_an_answer_that_needs_no_correction_any_more_then_the_run_says_so(
    tmp_path: Path, asked: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_aws(tmp_path, "--only", "types") == 0
    assert "correction" not in capsys.readouterr().err
    mended = json.loads(json.dumps(moto_types.INSTANCE_TYPES["trn2.48xlarge"]))
    mended["NeuronInfo"]["NeuronDevices"][0]["MemoryInfo"]["SizeInMiB"] = 98304
    monkeypatch.setitem(moto_types.INSTANCE_TYPES, "trn2.48xlarge", mended)
    assert run_aws(tmp_path, "--only", "types") == 0
    assert "warning: correction trainium2-memory: EC2 now answers accelerators of trn2.48xlarge as corrected" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "moto", "--only", "prices", "spot"], "--source moto knows no prices and no spot"),
        (["--workers", "0"], "0 is not at least 1"),
        (["--only", "everything"], "invalid choice: 'everything'"),
    ],
)
def test_given_options_that_cannot_be_then_it_is_a_usage_error(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        refresh.main(arguments)
    assert caught.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--help"], ["refresh", "reference-docs", "COMMAND --help"]),
        (["refresh", "--help"], ["pricing:GetProducts", "--only PART", "goes on where it stopped"]),
        (["reference-docs", "--help"], ["descriptor", "platform"]),
    ],
)
def test_given_help_then_it_names_what_there_is(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        maintenance.main(arguments)
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert [word for word in words if word not in printed] == []


def test_given_a_command_then_it_is_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert maintenance.main(["reference-docs", "platform"]) == 0
    assert capsys.readouterr().out.startswith("# The platform file")


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("m7i.large", True), ("g5.xlarge", True), ("trn2u.48xlarge", True), ("vt1.3xlarge", True), ("t3.micro", False)],
)
def test_given_a_type_then_accelerated_and_general_ones_are_selected(name: str, wanted: bool) -> None:
    assert selected(moto_types.INSTANCE_TYPES[name]) is wanted


def test_given_inferentia_that_ec2_answers_twice_then_it_is_recorded_once() -> None:
    assert record(moto_types.INSTANCE_TYPES["inf2.xlarge"])["accelerators"] == [
        {"cores": 2, "count": 1, "kind": "neuron", "manufacturer": "AWS", "memory_mib": 32768, "name": "Inferentia2"}
    ]


def test_given_several_cards_then_pods_follow_the_default_card_and_bandwidth_the_sum() -> None:
    found = record(moto_types.INSTANCE_TYPES["p5.48xlarge"])
    assert (found["default_card_interfaces"], found["network_cards"], found["network_baseline_gbps"]) == (2, 32, 3200)


def test_given_a_date_that_is_none_then_it_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        refresh.main(["--source", "moto", "--date", "yesterday"])
    assert caught.value.code == 2
    assert "--date" in capsys.readouterr().err
