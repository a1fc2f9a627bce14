"""Why not the others: every rejection, to search in.

They lie in the page as one JSON text, which a script makes a table of as somebody types; without scripts the nearest
misses are there all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ai_on_eks.cli.report.html import Html, element, section, table, text
from ai_on_eks.placement.types import Plan, Rejection

MAX_DATA_CHARACTERS = 2_000_000
"""Of the page's 3 MB. Where all rejections are more, each instance type has its nearest miss alone."""

SHOWN_WITHOUT_SCRIPT = 5
"""Nearest misses of each model."""

TITLES = ("model", "instance type", "engine", "TP", "PP", "nodes", "rule", "reason", "short of")


def rejections_section(plans: tuple[Plan, ...]) -> Html:
    """A search field, what it finds, and how much was looked through."""
    data, complete = _data(plans)
    count = sum(len(plan.rejected) for plan in plans)
    kept = (
        f"{count:,} rejections"
        if complete
        else f"the nearest miss of each instance type and engine of {count:,} rejections"
    )
    field = element(
        "p",
        element("label", text("Words of a rejection, such as a type, an engine or a rule "), for_="rejection-words"),
        Html('<input type="search" id="rejection-words" autocomplete="off" spellcheck="false">'),
    )
    found = element("p", id="rejection-count", role="status")
    head = element("tr", *(element("th", text(title), scope="col") for title in TITLES))
    caption = "Rejections found"
    body = element("tbody", id="rejection-rows")
    results = element(
        "div", element("table", element("caption", text(caption)), element("thead", head), body),
        class_="scrolls", tabindex=0, role="region", aria_label=caption,
    )  # fmt: skip
    searchable = element("div", field, found, results, id="rejection-search", hidden="hidden")
    nearest = [_cells(plan, one) for plan in plans for one in list(plan.rejected)[:SHOWN_WITHOUT_SCRIPT]]
    fallback = element("noscript", table("The nearest misses of each model", TITLES, nearest))
    stored = element("script", Html(data), type="application/json", id="rejection-data")
    return section(
        "rejections", "Why not the others", element("p", text(f"Here are {kept}.")), searchable, fallback, stored
    )


def _data(plans: Sequence[Plan]) -> tuple[str, bool]:
    """The JSON text, and whether it has every rejection."""
    whole = encoded((plan.descriptor.name, plan.rejected) for plan in plans)
    if len(whole) <= MAX_DATA_CHARACTERS:
        return whole, True
    return encoded((plan.descriptor.name, _nearest(plan.rejected)) for plan in plans), False


def encoded(models: Iterable[tuple[str, Iterable[Rejection]]]) -> str:
    """Rows of numbers into lists of words, so that a word that stands in a thousand rows is written once."""
    words: dict[str, int] = {}

    def place(word: object) -> int:
        return words.setdefault("" if word is None else str(word), len(words))

    rows = [[place(cell) for cell in _values(model, one)] for model, rejected in models for one in rejected]
    document = json.dumps({"words": list(words), "rows": rows}, separators=(",", ":"), ensure_ascii=False)
    # In a script element nothing but its end tag and a comment is read as HTML.
    return document.replace("<", "\\u003c")


def _values(model: str, one: Rejection) -> tuple[Any, ...]:
    division = one.division
    return (
        model, one.instance_type, one.engine, division.tensor_parallel or "any", division.pipeline_parallel,
        division.nodes, one.rule, one.reason, one.shortfall,
    )  # fmt: skip


def _nearest(rejected: Sequence[Rejection]) -> Iterable[Rejection]:
    found: Mapping[tuple[str, str], Rejection] = {}
    for one in rejected:
        found = found if (one.instance_type, one.engine) in found else {**found, (one.instance_type, one.engine): one}
    return found.values()


def _cells(plan: Plan, one: Rejection) -> tuple[Html, ...]:
    return tuple(text("–" if cell is None else cell) for cell in _values(plan.descriptor.name, one))
