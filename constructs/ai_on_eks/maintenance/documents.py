"""The data files that a refresh writes. Pure: equal answers give equal bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.maintenance.asking import Answers
from ai_on_eks.maintenance.spot_history import WINDOW_DAYS
from ai_on_eks.maintenance.writing import document

PRICE_LIST = "AWS Price List Query API, GetProducts"
SPOT_HISTORY = "EC2 DescribeSpotPriceHistory"


def documents(answers: Answers, *, source: str, tool: Mapping[str, str], date: str) -> dict[str, str]:
    """File texts by path relative to the data folder; only of the parts that were asked for."""
    head = {"generated": date, "tool": dict(tool)}
    files: dict[str, str] = {}
    if answers.instance_types is not None:
        files["instance_types.json"] = document(head | {"source": source}, "instance_types", answers.instance_types)
    for region, zones in (answers.offerings or {}).items():
        files[f"offerings/{region}.json"] = document(head | {"source": source, "region": region}, "offerings", zones)
    for region, prices in (answers.prices or {}).items():
        files[f"prices/{region}.json"] = document(_price_head(region, date, tool), "prices", _dated(prices, date))
    for region, history in (answers.spot or {}).items():
        about = f"Spot price by type and zone over {WINDOW_DAYS} days: [mean by time, latest, highest], $/h, Linux."
        files[f"spot/{region}.json"] = document(
            head | {"about": about, "source": SPOT_HISTORY, "region": region}, "prices", history
        )
    return files


def _price_head(region: str, date: str, tool: Mapping[str, str]) -> dict[str, Any]:
    return {
        "about": "On-demand price of one Linux instance with shared tenancy in US dollars per hour: [price or null, "
        "snapshot]. null: the snapshot publishes none.",
        "region": region,
        "snapshots": {date: {"date": date, "source": PRICE_LIST}},
        "tool": dict(tool),
    }


def _dated(prices: Mapping[str, float | None], date: str) -> dict[str, list[Any]]:
    return {name: [usd, date] for name, usd in prices.items()}
