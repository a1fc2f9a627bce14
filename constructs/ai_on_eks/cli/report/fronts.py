"""What every model could run on instead: price against time, one picture a model, and the front as a table."""

from __future__ import annotations

from ai_on_eks.cli.plots.front import front_scene
from ai_on_eks.cli.plots.scene import HEIGHT, WIDTH
from ai_on_eks.cli.plots.svg import elements
from ai_on_eks.cli.report.html import Html, element, joined, section, table, text
from ai_on_eks.placement.types import Placement, Plan

MOST_ALTERNATIVES = 12
"""Of the table; the picture has them all."""


def fronts_section(plans: tuple[Plan, ...]) -> Html:
    """The pictures follow the reader's light or dark preference by the page's own rules."""
    return section("fronts", "What else would do", joined(_front(plan) for plan in plans))


def _front(plan: Plan) -> Html:
    name = plan.descriptor.name
    picture = element(
        "svg",
        Html(f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}"/>'),
        Html(elements(front_scene(plan))),
        class_="plot", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img",
        aria_label=f"Pareto front of {name}: price of an hour against the time of a request; the table has its points",
    )  # fmt: skip
    placements = [plan.chosen, *plan.alternatives] if plan.chosen is not None else []
    rows = [_row(one) for one in placements[: MOST_ALTERNATIVES + 1]]
    titles = ("placement", "engine", "$/h", "time to first token, ms", "output tokens/s", "items/s")
    figures = table(f"{name}: the choice and what nothing beats", titles, rows, range(2, 6))
    return element("details", element("summary", text(name)), picture, figures)


def _row(one: Placement) -> tuple[Html, ...]:
    estimates = one.estimates
    figures = (one.usd_per_hour, estimates.ttft_ms, estimates.output_tokens_per_s, estimates.items_per_s)
    shown = (text("–" if value is None else f"{value:,.{3 if i == 0 else 1}f}") for i, value in enumerate(figures))
    return (text(f"{one.nodes} × {one.instance_type.name}"), text(one.engine.title), *shown)
