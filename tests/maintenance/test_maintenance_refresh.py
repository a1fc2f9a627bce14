"""The refresh, end to end against moto's copy of EC2's answers, cut down to a few types. No socket is opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from moto.ec2.models import instance_types as moto_types

import ai_on_eks.catalog
from ai_on_eks.maintenance import refresh
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


class Ec2:
    """The least of a client: one region's offers and descriptions."""

    def __init__(self, offers: Mapping[str, str], asked: list[Any]) -> None:
        self.offers, self.asked = offers, asked

    def describe_regions(self) -> dict[str, Any]:
        return {"Regions": [{"RegionName": "us-east-1"}, {"RegionName": "eu-west-1"}]}

    def get_paginator(self, operation: str) -> Any:
        self.operation = operation
        return self

    def paginate(self, **parameters: Any) -> list[dict[str, Any]]:
        if self.operation == "describe_instance_type_offerings":
            return [{"InstanceTypeOfferings": [{"InstanceType": k, "Location": z} for k, z in self.offers.items()]}]
        self.asked.append(parameters)
        wanted = parameters["Filters"][0]["Values"] if parameters else self.offers
        return [{"InstanceTypes": [moto_types.INSTANCE_TYPES[name] for name in wanted]}]


def test_given_a_type_that_only_another_region_has_then_it_is_described_there_once() -> None:
    asked: list[Any] = []
    clients = {
        "eu-west-1": Ec2({"g5.xlarge": "eu-west-1a", "trn2.48xlarge": "eu-west-1b"}, asked),
        "us-east-1": Ec2({"g5.xlarge": "us-east-1a"}, asked),
    }
    answers = refresh.ask(clients.__getitem__, None, lambda _: None)
    assert list(answers.instance_types) == ["g5.xlarge", "trn2.48xlarge"]
    assert asked == [{}, {"Filters": [{"Name": "instance-type", "Values": ["trn2.48xlarge"]}]}]
    assert list(answers.offerings) == ["eu-west-1", "us-east-1"]


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
