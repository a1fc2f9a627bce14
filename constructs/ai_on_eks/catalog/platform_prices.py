"""What a platform pays for beside its instances, by region, from `data/platform_prices/`.

A region without a file has no prices, and neither has a part that the file does not name: both are unknown.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

from ai_on_eks.catalog.reading import DATA, read

_FOLDER = "platform_prices"


class PlatformPrices(Struct, frozen=True):
    """Prices of one region.

    usd     price by name; the unit ends the name (`nat-gateway-hour`)
    by_use  what is billed by use, in words, by name of the part
    dates   oldest and newest day of the prices, None where there are none
    """

    region: str
    usd: Mapping[str, float] = field(default_factory=dict)
    by_use: Mapping[str, str] = field(default_factory=dict)
    dates: tuple[str, str] | None = None


def load_platform_prices(region: str) -> PlatformPrices:
    """The prices of one region; nothing but its name where none were read."""
    name = f"{_FOLDER}/{region}.json"
    if not (DATA / _FOLDER / f"{region}.json").is_file():
        return PlatformPrices(region)
    document = read(name)
    prices, by_use = document["prices"], document["by_use"]
    days = sorted(entry["date"] for entry in (*prices.values(), *by_use.values()))
    return PlatformPrices(
        region=region,
        usd={key: entry["usd"] for key, entry in prices.items()},
        by_use={key: entry["text"] for key, entry in by_use.items()},
        dates=(days[0], days[-1]),
    )
