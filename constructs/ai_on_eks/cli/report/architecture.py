"""The platform as it was synthesized: its stacks in the order in which they are deployed, and what each is made of.

column = the longest way from a stack that waits for none; a line leads from a stack to each one that waits for it
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ai_on_eks.cli.report.html import Html, element, section, table, text
from ai_on_eks.review.tree import Part, StackNode
from ai_on_eks.units import counted

BOX_WIDTH, LINE_HEIGHT, PADDING = 250, 19, 12
COLUMN_GAP, ROW_GAP = 70, 22
MOST_PARTS = 9
"""Of a box; the table has them all."""
CHARACTERS = 33
"""That fit into a line of a box."""


class Box(Struct, frozen=True):
    """A stack at its place, in pixels from the top left."""

    stack: StackNode
    left: int
    top: int
    lines: tuple[str, ...]

    @property
    def height(self) -> int:
        return 2 * PADDING + LINE_HEIGHT * (len(self.lines) + 1)


def architecture_section(stacks: Sequence[StackNode]) -> Html:
    """The picture and the same as a table; a word on how to get one where nothing was synthesized."""
    if not stacks:
        told = "Nothing has been synthesized here: run make synth and report again."
        return section("architecture", "Architecture", element("p", text(told)))
    boxes = placed(stacks)
    width = max(box.left for box in boxes) + BOX_WIDTH + 2
    height = max(box.top + box.height for box in boxes) + 2
    picture = element(
        "svg", *_edges(boxes), *(_drawn(box) for box in boxes),
        class_="architecture", viewBox=f"0 0 {width} {height}", role="img",
        aria_label=f"{counted(len(stacks), 'stack')} in the order of their deployment; the table below says the same",
    )  # fmt: skip
    rows = [
        (text(stack.name), text(", ".join(stack.waits_for) or "nothing"), text(part.name), text(_types(part)))
        for stack in stacks
        for part in stack.parts
    ]
    listed = table("Stacks and what they are made of", ("stack", "waits for", "part", "resources"), rows)
    scrolled = element("div", picture, class_="scrolls", tabindex=0, role="region", aria_label="Architecture diagram")
    listing = element("details", element("summary", text("As a table")), listed)
    numbers = element("p", text("Numbers count CloudFormation resources; what a line leads to is deployed later."))
    return section("architecture", "Architecture", numbers, scrolled, listing)


def placed(stacks: Sequence[StackNode]) -> tuple[Box, ...]:
    """Every stack in its column, those of one column below each other in the order given."""
    columns = _columns(stacks)
    tops: dict[int, int] = {}
    boxes = []
    for stack in stacks:
        column = columns[stack.name]
        box = Box(stack, column * (BOX_WIDTH + COLUMN_GAP) + 1, tops.get(column, 1), tuple(_lines(stack)))
        tops[column] = box.top + box.height + ROW_GAP
        boxes.append(box)
    return tuple(boxes)


def _columns(stacks: Sequence[StackNode]) -> dict[str, int]:
    """Each pass moves what stands beside something it waits for; a tree of n stacks is done after n passes, and a ring,
    which CDK does not write, ends there too."""
    columns = dict.fromkeys((stack.name for stack in stacks), 0)
    for _ in stacks:
        for stack in stacks:
            before = [columns[name] + 1 for name in stack.waits_for if name in columns]
            columns[stack.name] = min(max([columns[stack.name], *before]), len(stacks))
    return columns


def _lines(stack: StackNode) -> Iterator[str]:
    for part in stack.parts[:MOST_PARTS]:
        yield _cut(f"{part.name}: {part.resource_count}")
    if len(stack.parts) > MOST_PARTS:
        yield f"… and {len(stack.parts) - MOST_PARTS} more"


def _cut(line: str) -> str:
    return line if len(line) <= CHARACTERS else f"{line[: CHARACTERS - 1]}…"


def _types(part: Part) -> str:
    return ", ".join(f"{count} × {type_}" for type_, count in part.types)


def _drawn(box: Box) -> Html:
    resources = sum(part.resource_count for part in box.stack.parts)
    title = element("text", text(_cut(box.stack.name)), x=box.left + PADDING, y=box.top + PADDING + 12, class_="name")
    lines = (
        element("text", text(line), x=box.left + PADDING, y=box.top + PADDING + 12 + LINE_HEIGHT * (i + 1))
        for i, line in enumerate(box.lines)
    )
    frame = element("rect", x=box.left, y=box.top, width=BOX_WIDTH, height=box.height, rx=6)
    told = element("title", text(f"{box.stack.name}: {counted(resources, 'resource')}"))
    return element("g", told, frame, title, *lines)


def _edges(boxes: Sequence[Box]) -> Iterator[Html]:
    """Only to the nearest: what a stack waits for anyway, by way of another, would only cross the picture."""
    by_name = {box.stack.name: box for box in boxes}
    for box in boxes:
        for name in box.stack.waits_for:
            if name in by_name and not _is_implied(box.stack, name, by_name):
                yield _edge(by_name[name], box)


def _is_implied(stack: StackNode, name: str, by_name: dict[str, Box]) -> bool:
    others = [by_name[other].stack for other in stack.waits_for if other != name and other in by_name]
    return any(name in other.waits_for for other in others)


def _edge(before: Box, after: Box) -> Html:
    x1, y1 = before.left + BOX_WIDTH, before.top + PADDING + 8
    x2, y2 = after.left, after.top + PADDING + 8
    half = (x2 - x1) / 2
    return element("path", d=f"M{x1} {y1}C{x1 + half:g} {y1} {x2 - half:g} {y2} {x2} {y2}", class_="edge")
