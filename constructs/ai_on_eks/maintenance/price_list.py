"""On-demand prices as the Price List Query API answers them.

    product (attributes.instanceType) -> terms.OnDemand -> priceDimensions (unit Hrs) -> pricePerUnit.USD

Asked per region and not per type: a region's whole list of shared Linux instances is some ten pages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

PRICE_LIST_REGION = "us-east-1"
"""Where the API is asked for every region's prices (AWS Billing user guide, Price List Query API, read 2026-11)."""

FILTERS: Mapping[str, str] = {
    "capacitystatus": "Used",
    "operatingSystem": "Linux",
    "preInstalledSw": "NA",
    "tenancy": "Shared",
}
"""One plain Linux instance as it runs: no reservation's idle hours, no licence, no dedicated host."""


class AmbiguousPriceError(ValueError):
    """The price list names two prices for what this package takes for one thing."""


def on_demand_prices(client: Any, region: str) -> dict[str, float]:
    """US dollars per hour by instance type. A price of 0 is none: the list has such entries for what is not sold."""
    prices: dict[str, float] = {}
    for name, usd in _answers(client, region):
        if usd == 0:
            continue
        if prices.setdefault(name, usd) != usd:
            raise AmbiguousPriceError(f"{region}: the price list names {prices[name]} and {usd} $/h for {name}")
    return dict(sorted(prices.items()))


def _answers(client: Any, region: str) -> Iterator[tuple[str, float]]:
    wanted = {**FILTERS, "regionCode": region}
    filters = [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in sorted(wanted.items())]
    for page in client.get_paginator("get_products").paginate(ServiceCode="AmazonEC2", Filters=filters):
        for text in page["PriceList"]:
            product = json.loads(text)
            for term in product["terms"].get("OnDemand", {}).values():
                for dimension in term["priceDimensions"].values():
                    if dimension["unit"] == "Hrs":
                        yield product["product"]["attributes"]["instanceType"], float(dimension["pricePerUnit"]["USD"])
