"""How long each model takes from the start of a new node to its first answer, part after part."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.cli.report.html import EMPTY, Html, bar, element, joined, key, section, table, text
from ai_on_eks.performance.readiness import IMAGE, NODE, PROCESS, STAGING, WARM_UP, WEIGHTS, Readiness
from ai_on_eks.placement.types import Plan

PARTS: Mapping[str, str] = {
    NODE: "node boots and joins",
    IMAGE: "image pulled",
    STAGING: "weights copied to the node",
    PROCESS: "engine starts",
    WEIGHTS: "weights read",
    WARM_UP: "compiling and warming up",
}


def waterfall_section(plans: tuple[Plan, ...], starts: Mapping[str, Readiness]) -> Html:
    """All bars on one scale, that of the slowest model."""
    known = [(plan.descriptor.name, starts[plan.descriptor.name]) for plan in plans if plan.descriptor.name in starts]
    if not known:
        return section("ready", "Time to the first answer", element("p", text("No model has a workload to estimate.")))
    longest = max(start.total_seconds for _, start in known)
    legend = element("p", *(element("span", key(i, name), class_="legend") for i, name in enumerate(PARTS.values())))
    bars = joined(_bar(name, start, longest) for name, start in known)
    rows = [
        (text(name), *(text(_seconds(term.seconds)) for term in start.terms), text(_seconds(start.total_seconds)))
        for name, start in known
    ]
    figures = table(
        "Seconds from the start of a new node", ("model", *PARTS.values(), "together"), rows, range(1, len(PARTS) + 2)
    )
    estimate = element("p", text("Estimates for a node that holds nothing yet; a warm node skips the first two."))
    return section("ready", "Time to the first answer", estimate, legend, bars, figures) if known else EMPTY


def _bar(name: str, start: Readiness, longest: float) -> Html:
    parts = [(f"{PARTS.get(term.name, term.name)}: {_seconds(term.seconds)} s", term.seconds) for term in start.terms]
    label = f"{name}: {'; '.join(part for part, _ in parts)}"
    return element("div", element("h3", text(f"{name}: {_seconds(start.total_seconds)} s")), bar(label, parts, longest))


def _seconds(value: float) -> str:
    return f"{value:.0f}"
