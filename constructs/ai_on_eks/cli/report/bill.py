"""The fleet's bill and where it goes."""

from __future__ import annotations

from ai_on_eks.cli.report.html import EMPTY, Html, bar, dollars, element, key, section, table, text
from ai_on_eks.review.bill import Line
from ai_on_eks.review.cost import MODELS, Bill

LEAST_SHARE = 0.004
"""Of the whole bill: smaller parts are one part of the picture, and lines of their own in the table."""


def bill_section(bill: Bill, *, has_platform: bool) -> Html:
    """Every line, dearest first within models and platform; what has no price is in no sum."""
    known = [line for line in _sorted(bill) if line.usd_per_month]
    shown = [line for line in known if (line.usd_per_month or 0) >= LEAST_SHARE * bill.known_usd]
    rest = sum(line.usd_per_month or 0.0 for line in known if line not in shown)
    parts = [(f"{line.name}: {_usd(line)}", line.usd_per_month or 0.0) for line in shown]
    if rest:
        parts.append((f"everything else: {dollars(rest)}", rest))
    # What is too small to be seen has the colour of the last part, which holds all of it.
    colours = {line.name: number for number, line in enumerate(shown)} | {
        line.name: len(shown) for line in known if line not in shown
    }
    rows = [_row(line, colours.get(line.name)) for line in _sorted(bill)]
    unknown = ", ".join(bill.unknown)
    note = element("p", text(f"Not in the sum, as no price is known or use decides: {unknown}.")) if unknown else EMPTY
    missing = (
        EMPTY if has_platform else element("p", text("Synthesize the project to see the platform's part as well."))
    )
    return section(
        "bill",
        f"{dollars(bill.known_usd)} a month",
        bar(f"The bill: {'; '.join(name for name, _ in parts)}", parts),
        note,
        missing,
        table("The bill, line by line, in dollars a month", ("part", "group", "counted", "a month"), rows, (3,)),
        element("p", text(_origin(bill)), class_="small"),
    )


def _sorted(bill: Bill) -> list[Line]:
    return sorted(bill.lines, key=lambda line: (line.group != MODELS, -(line.usd_per_month or 0.0), line.name))


def _row(line: Line, colour: int | None) -> tuple[Html, ...]:
    name = text(line.name) if colour is None else key(colour, line.name)
    counted = line.basis if line.by_use is None else f"{line.basis}; {line.by_use}"
    return name, text(line.group), text(counted), text(_usd(line))


def _usd(line: Line) -> str:
    return dollars(line.usd_per_month)


def _origin(bill: Bill) -> str:
    days = "of no known day" if bill.dates is None else f"read {bill.dates[0]} to {bill.dates[1]}"
    regions = ", ".join(bill.price_regions) or "no region"
    return f"On-demand prices of {regions}, {days}; a month has 730 hours."
