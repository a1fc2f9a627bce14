"""Prices as AWS answers them: on-demand from the price list, spot from its history, all pages, never 0."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from ai_on_eks.maintenance.price_list import AmbiguousPriceError, on_demand_prices
from ai_on_eks.maintenance.spot_history import document_of, spot_prices, summary

NOW = datetime.datetime(2026, 11, 28, tzinfo=datetime.UTC)
START = NOW - datetime.timedelta(days=7)
ASKED = {
    "ServiceCode": "AmazonEC2",
    "Filters": [
        {"Type": "TERM_MATCH", "Field": "capacitystatus", "Value": "Used"},
        {"Type": "TERM_MATCH", "Field": "operatingSystem", "Value": "Linux"},
        {"Type": "TERM_MATCH", "Field": "preInstalledSw", "Value": "NA"},
        {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"},
        {"Type": "TERM_MATCH", "Field": "tenancy", "Value": "Shared"},
    ],
}


def client(service: str) -> Any:
    return boto3.client(
        service,
        region_name="us-east-1",
        aws_access_key_id="stubbed",
        aws_secret_access_key="stubbed",  # noqa: S106
    )


@pytest.fixture
def pricing() -> Iterator[tuple[Any, Stubber]]:
    made = client("pricing")
    with Stubber(made) as stubber:
        yield made, stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def ec2() -> Iterator[tuple[Any, Stubber]]:
    made = client("ec2")
    with Stubber(made) as stubber:
        yield made, stubber
        stubber.assert_no_pending_responses()


def product(name: str, usd: str, *, unit: str = "Hrs", terms: str = "OnDemand") -> str:
    dimension = {"unit": unit, "pricePerUnit": {"USD": usd}}
    return json.dumps(
        {
            "product": {"attributes": {"instanceType": name}},
            "terms": {terms: {"SKU.TERM": {"priceDimensions": {"SKU.TERM.RATE": dimension}}}},
        }
    )


def test_given_two_pages_of_products_then_all_prices_are_read_and_sorted(pricing: tuple[Any, Stubber]) -> None:
    asked, stubber = pricing
    first = [product("g6.xlarge", "0.8967000000"), product("c7i.large", "0.0956000000")]
    stubber.add_response("get_products", {"PriceList": first, "NextToken": "more"}, ASKED)
    stubber.add_response("get_products", {"PriceList": [product("m7i.large", "0.1124")]}, ASKED | {"NextToken": "more"})
    prices = on_demand_prices(asked, "eu-west-1")
    assert list(prices.items()) == [("c7i.large", 0.0956), ("g6.xlarge", 0.8967), ("m7i.large", 0.1124)]


def test_given_what_is_no_on_demand_hour_then_it_is_no_price(pricing: tuple[Any, Stubber]) -> None:
    asked, stubber = pricing
    answered = [
        product("p5e.48xlarge", "0.0000000000"),
        product("g6.xlarge", "500", unit="Quantity"),
        product("g5.xlarge", "0.4", terms="Reserved"),
    ]
    stubber.add_response("get_products", {"PriceList": answered}, ASKED)
    assert on_demand_prices(asked, "eu-west-1") == {}


def test_given_two_prices_for_one_thing_then_it_is_refused(pricing: tuple[Any, Stubber]) -> None:
    asked, stubber = pricing
    answered = [product("g6.xlarge", "0.8"), product("g6.xlarge", "0.8"), product("g6.xlarge", "0.9")]
    stubber.add_response("get_products", {"PriceList": answered}, ASKED)
    with pytest.raises(AmbiguousPriceError, match=r"eu-west-1: the price list names 0\.8 and 0\.9 \$/h for g6\.xlarge"):
        on_demand_prices(asked, "eu-west-1")


def change(name: str, zone: str, usd: str, days: float) -> dict[str, Any]:
    return {
        "InstanceType": name,
        "AvailabilityZone": zone,
        "ProductDescription": "Linux/UNIX",
        "SpotPrice": usd,
        "Timestamp": NOW - datetime.timedelta(days=days),
    }


def test_given_two_pages_of_changes_then_each_zone_has_its_figures(ec2: tuple[Any, Stubber]) -> None:
    asked, stubber = ec2
    question = {
        "InstanceTypes": ["g5.xlarge", "g6.xlarge"],
        "ProductDescriptions": ["Linux/UNIX"],
        "StartTime": START,
        "EndTime": NOW,
    }
    first = [change("g6.xlarge", "us-east-1b", "0.4", 1), change("g6.xlarge", "us-east-1a", "0.3", 9)]
    stubber.add_response("describe_spot_price_history", {"SpotPriceHistory": first, "NextToken": "more"}, question)
    second = [change("g6.xlarge", "us-east-1b", "0.2", 8)]
    stubber.add_response("describe_spot_price_history", {"SpotPriceHistory": second}, question | {"NextToken": "more"})
    prices = spot_prices(asked, ["g6.xlarge", "g5.xlarge"], NOW)
    assert document_of(prices) == {
        "g6.xlarge": {"us-east-1a": [0.3, 0.3, 0.3], "us-east-1b": [0.228571, 0.4, 0.4]}  # six days of 0.2, one of 0.4
    }


def test_given_many_types_then_they_are_asked_in_parts(ec2: tuple[Any, Stubber]) -> None:
    asked, stubber = ec2
    names = [f"x{number:03}.large" for number in range(150)]
    for part in (names[:100], names[100:]):
        question = {"InstanceTypes": part, "ProductDescriptions": ["Linux/UNIX"], "StartTime": START, "EndTime": NOW}
        stubber.add_response("describe_spot_price_history", {"SpotPriceHistory": []}, question)
    assert spot_prices(asked, reversed(names), NOW) == {}


def test_given_a_price_that_changed_often_for_an_hour_then_the_quiet_days_decide() -> None:
    quiet = [(START - datetime.timedelta(hours=1), 1.0)]
    busy = [(NOW - datetime.timedelta(minutes=minute), 5.0) for minute in range(60, 0, -1)]
    found = summary([*busy, *quiet], START, NOW)
    assert found == {"latest": 5.0, "highest": 5.0, "mean": round((167 * 1 + 5) / 168, 6)}


def test_given_one_change_at_the_very_end_then_the_mean_is_that_price() -> None:
    assert summary([(NOW, 2.0)], START, NOW) == {"latest": 2.0, "highest": 2.0, "mean": 2.0}
