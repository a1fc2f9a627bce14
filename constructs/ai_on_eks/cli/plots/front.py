"""The Pareto front of a plan: what an hour costs against how long a request takes, or how many are served.

    chosen         a ring with the number of nodes and the type
    front          dots joined by steps: nothing accepted costs less and is as fast
    accepted       faint dots: something on the front is better
    missed         fainter: fell to a target, a ceiling, the node or the missing workload

Both axes are logarithmic, since prices span two decades and so do times. Labels stand where they cover no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, log10

from ai_on_eks.cli.plots.scene import FONT_PX, HEIGHT, WIDTH, Dot, Line, Scene, Text
from ai_on_eks.placement.ranking import UNKNOWN, latency_ms, throughput
from ai_on_eks.placement.types import Placement, Plan

LEFT, RIGHT, TOP, BOTTOM = 84, 28, 64, 66
MARGIN = 0.06
"""Of an axis' length, in decades, left free at both ends."""

CHARACTER_PX = 6.6
"""Width of a character of the font's size, on average; labels are kept apart by it."""

MOST_LABELS = 12
STEPS = (1, 2, 5)

Point = tuple[float, float, Placement]


def front_scene(plan: Plan, *, by_throughput: bool = False) -> Scene:
    """The picture; nothing but its frame where no placement has a price and a figure."""
    output_tokens = plan.descriptor.serving.output_tokens

    def figure(placement: Placement) -> float:
        return throughput(placement) if by_throughput else latency_ms(placement, output_tokens) / 1000

    accepted = _points(plan.accepted, figure)
    missed = _points(plan.missed, figure)
    front = _front(accepted, upwards=by_throughput)
    title = f"{plan.descriptor.name}: price against {'requests served' if by_throughput else 'time of a request'}"
    scene: list[Line | Dot | Text] = [Text(LEFT, 28, title, "ink")]
    shown = [*accepted, *missed]
    if not shown:
        return (*scene, Text(LEFT, HEIGHT / 2, "no placement has both a price and an estimate", "ink"))
    across, up = (
        _Axis([x for x, _y, _p in shown], LEFT, WIDTH - RIGHT),
        _Axis([y for _x, y, _p in shown], HEIGHT - BOTTOM, TOP),
    )
    unit = "requests per second, all replicas" if by_throughput else "seconds of a request, to its last token"
    scene += _frame(across, up, unit, plan.region)
    scene += [Dot(across.at(x), up.at(y), 3, "missed", _title(p)) for x, y, p in missed]
    scene += [Dot(across.at(x), up.at(y), 3, "other", _title(p)) for x, y, p in accepted]
    scene.append(Line(_steps([(across.at(x), up.at(y)) for x, y, _p in front]), "front"))
    scene += [Dot(across.at(x), up.at(y), 5, "front", _title(p)) for x, y, p in front]
    chosen = next(((x, y, p) for x, y, p in accepted if p is plan.chosen), None)
    if chosen is not None:
        scene.append(Dot(across.at(chosen[0]), up.at(chosen[1]), 9, "chosen", _title(chosen[2])))
    return (*scene, *_labels(front, chosen, across, up), *_legend(plan, bool(missed)))


class _Axis:
    """A logarithmic scale over the values, from one pixel to another."""

    def __init__(self, values: Sequence[float], first_px: float, last_px: float) -> None:
        low, high = log10(min(values)), log10(max(values))
        spare = max(MARGIN, (high - low) * MARGIN)
        self._low, self._high = low - spare, high + spare
        self._first, self._last = first_px, last_px

    def at(self, value: float) -> float:
        share = (log10(value) - self._low) / (self._high - self._low)
        return round(self._first + share * (self._last - self._first), 1)

    def ticks(self) -> tuple[float, ...]:
        decades = range(floor(self._low), ceil(self._high) + 1)
        every = [step * 10.0**decade for decade in decades for step in STEPS]
        return tuple(tick for tick in every if self._low <= log10(tick) <= self._high)


def _points(placements: Iterable[Placement], figure: Callable[[Placement], float]) -> list[Point]:
    return [
        (placement.usd_per_hour, value, placement)
        for placement in placements
        if placement.usd_per_hour and 0 < (value := figure(placement)) < UNKNOWN
    ]


def _front(points: Iterable[Point], *, upwards: bool) -> list[Point]:
    """Those that nothing cheaper equals, cheapest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda one: (one[0], -one[1] if upwards else one[1])):
        if not kept or (point[1] > kept[-1][1] if upwards else point[1] < kept[-1][1]):
            kept.append(point)
    return kept


def _steps(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Between two points of the front the cheaper one is the best that the money buys."""
    path = list(points[:1])
    for x, y in points[1:]:
        path += [(x, path[-1][1]), (x, y)]
    return tuple(path)


def _frame(across: _Axis, up: _Axis, unit: str, region: str) -> list[Line | Text]:
    bottom, left = HEIGHT - BOTTOM, LEFT
    drawn: list[Line | Text] = []
    for tick in across.ticks():
        x = across.at(tick)
        drawn += [Line(((x, TOP), (x, bottom)), "grid"), Text(x, bottom + 20, f"{tick:g}", "axis", "middle")]
    for tick in up.ticks():
        y = up.at(tick)
        drawn += [Line(((left, y), (WIDTH - RIGHT, y)), "grid"), Text(left - 8, y + 4, f"{tick:g}", "axis", "end")]
    drawn.append(Text((left + WIDTH - RIGHT) / 2, HEIGHT - 22, f"$ per hour, on-demand, {region}", "axis", "middle"))
    drawn.append(Text(left, TOP - 12, unit, "axis"))
    return drawn


def _labels(front: Sequence[Point], chosen: Point | None, across: _Axis, up: _Axis) -> list[Text]:
    """The chosen one's first, then along the front, each where there is room."""
    taken: list[tuple[float, float, float, float]] = []
    placed: list[Text] = []
    wanted = [*([chosen] if chosen else []), *(point for point in front if chosen is None or point[2] is not chosen[2])]
    for point in wanted[:MOST_LABELS]:
        text, style = _label(point[2]), "chosen" if point is chosen else "ink"
        x, y, width = across.at(point[0]), up.at(point[1]), len(text) * CHARACTER_PX
        for left, base in ((x + 12, y - 8), (x + 12, y + 18), (x - 12 - width, y + 18), (x - 12 - width, y - 8)):
            box = (left, base - FONT_PX, left + width, base + 3)
            if box[0] >= LEFT and box[2] <= WIDTH - 4 and not any(_meet(box, other) for other in taken):
                taken.append(box)
                placed.append(Text(left, base, text, style))
                break
    return placed


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _legend(plan: Plan, has_missed: bool) -> list[Dot | Text]:
    entries = [("chosen", "chosen"), ("front", "front"), ("other", "accepted")]
    entries += [("missed", "near miss")] if has_missed else []
    drawn: list[Dot | Text] = []
    x = float(WIDTH - RIGHT)
    for style, text in reversed(entries):
        x -= len(text) * CHARACTER_PX
        drawn += [Text(round(x, 1), TOP - 12, text, "axis"), Dot(round(x - 11, 1), TOP - 16, 5, style)]
        x -= 34
    return drawn


def _label(placement: Placement) -> str:
    count = f"{placement.nodes} × " if placement.nodes > 1 else ""
    return f"{count}{placement.instance_type.name}"


def _title(placement: Placement) -> str:
    return f"{_label(placement)}, {placement.engine.title}, {placement.usd_per_hour:.3f} $/h"
