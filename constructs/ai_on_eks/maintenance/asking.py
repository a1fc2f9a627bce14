"""What a refresh asks, in three rounds: where types are offered, what they are, what they cost.

    offerings  every region                                          -> types by region
    types      every type that the first region describes, and      -> records
               each other type in the first region that offers it
    prices     every region's price list; spot: every region's history of the catalogue's types

EC2 describes a type the same way everywhere, so each is asked for in one region. The first is the reference region,
which also describes types that no zone offers to everyone (UltraServers).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from msgspec import Struct

from ai_on_eks.maintenance import ec2
from ai_on_eks.maintenance.instance_types import Record, record, selected
from ai_on_eks.maintenance.jobs import Job
from ai_on_eks.maintenance.price_list import PRICE_LIST_REGION, on_demand_prices
from ai_on_eks.maintenance.spot_history import document_of, spot_prices

REFERENCE_REGION = "us-east-1"

Run = Callable[[Sequence[Job]], Mapping[str, Any]]
Zones = Mapping[str, Sequence[str]]


class Account(Struct, frozen=True):
    """Whom to ask. client_in: service and region -> client, made once by whoever asks; source: as files name it."""

    client_in: Callable[[str, str], Any]
    source: str


class Answers(Struct, frozen=True):
    """Everything AWS said. A part that was not asked for is None.

    instance_types  records by type                offerings  zones by region and type
    prices          $/h by region and type         spot       [mean, latest, highest] by region, type and zone
    """

    instance_types: Mapping[str, Record] | None = None
    offerings: Mapping[str, Zones] | None = None
    prices: Mapping[str, Mapping[str, float]] | None = None
    spot: Mapping[str, Mapping[str, Mapping[str, Sequence[float]]]] | None = None


def ask_types(account: Account, regions: Sequence[str], run: Run) -> Answers:
    """Records and offerings. A region that offers nothing is left out, because the account cannot use it."""
    ordered = sorted(regions, key=lambda region: (region != REFERENCE_REGION, region))
    clients = {region: account.client_in("ec2", region) for region in ordered}
    answered = run([Job(f"offerings/{region}", partial(ec2.offerings, clients[region])) for region in ordered])
    offered = {region: answered[f"offerings/{region}"] for region in ordered}
    offered = {region: zones for region, zones in offered.items() if zones}
    jobs = [
        Job(f"types/{region}", partial(_records, clients[region], names if number else None))
        for number, (region, names) in enumerate(first_offers(offered).items())
    ]
    records: dict[str, Record] = {}
    for found in run(jobs).values():
        records = found | records
    kept = {
        region: {name: places for name, places in zones.items() if name in records}
        for region, zones in sorted(offered.items())
    }
    return Answers(instance_types=dict(sorted(records.items())), offerings=kept)


def ask_prices(account: Account, regions: Sequence[str], names: Sequence[str], run: Run) -> Mapping[str, Any]:
    """On-demand prices of `names` by region."""
    client = account.client_in("pricing", PRICE_LIST_REGION)
    answered = run([Job(f"prices/{region}", partial(on_demand_prices, client, region)) for region in sorted(regions)])
    wanted = set(names)
    return {
        region: {name: usd for name, usd in answered[f"prices/{region}"].items() if name in wanted}
        for region in sorted(regions)
    }


def ask_spot(
    account: Account, offers: Mapping[str, Sequence[str]], now: datetime.datetime, run: Run
) -> Mapping[str, Any]:
    """Spot prices by region, of the types that each region offers."""
    jobs = [
        Job(f"spot/{region}", partial(_spot, account.client_in("ec2", region), names, now))
        for region, names in sorted(offers.items())
    ]
    answered = run(jobs)
    return {region: answered[f"spot/{region}"] for region in sorted(offers)}


def first_offers(offered: Mapping[str, Zones]) -> dict[str, tuple[str, ...]]:
    """The types that each region describes: those that no region before it offers."""
    seen: set[str] = set()
    first: dict[str, tuple[str, ...]] = {}
    for region, zones in offered.items():
        unseen = tuple(sorted(zones.keys() - seen))
        seen.update(unseen)
        if unseen:
            first[region] = unseen
    return first


def _records(client: Any, names: Sequence[str] | None) -> dict[str, Record]:
    answers = ec2.describe(client, names)
    return {answer["InstanceType"]: record(answer) for answer in answers if selected(answer)}


def _spot(client: Any, names: Sequence[str], now: datetime.datetime) -> dict[str, Any]:
    return document_of(spot_prices(client, names, now))
