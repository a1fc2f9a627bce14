"""Pieces of HTML. Every text goes through `text`; what is already HTML has the type `Html` and nothing else has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NewType

Html = NewType("Html", str)

EMPTY = Html("")

COLOURS = 10
"""Colours that parts of a bar have, `part-0` to `part-9`, in turn."""


def text(value: object) -> Html:
    """Text of whoever, made harmless for content and attributes alike."""
    return Html(escape(str(value), quote=True))


def element(name: str, *content: Html, **attributes: object) -> Html:
    """An element; an attribute's underscore stands for a hyphen, one at its end for nothing."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Html(f"<{name}{given}>{''.join(content)}</{name}>")


def joined(pieces: Iterable[Html]) -> Html:
    return Html("\n".join(pieces))


def section(id_: str, title: str, *content: Html) -> Html:
    """A part of the page that can be reached by its heading."""
    heading = element("h2", text(title), id=f"{id_}-title")
    return element("section", heading, *content, id=id_, aria_labelledby=f"{id_}-title")


def table(caption: str, titles: Sequence[str], rows: Iterable[Sequence[Html]], numeric: Sequence[int] = ()) -> Html:
    """A table whose first column names the row; columns in `numeric` are set to the right."""

    def kind(column: int) -> str | None:
        return "number" if column in numeric else None

    head = element("tr", *(element("th", text(title), scope="col", class_=kind(i)) for i, title in enumerate(titles)))
    body = joined(
        element(
            "tr",
            element("th", row[0], scope="row"),
            *(element("td", cell, class_=kind(i)) for i, cell in enumerate(row[1:], start=1)),
        )
        for row in rows
    )
    return element(
        "div",
        element("table", element("caption", text(caption)), element("thead", head), element("tbody", body)),
        class_="scrolls", tabindex=0, role="region", aria_label=caption,
    )  # fmt: skip


def bar(label: str, parts: Sequence[tuple[str, float]], whole: float | None = None) -> Html:
    """One bar of several parts, as wide as the page. The figures stand in a table beside it; this is their picture."""
    total = whole or sum(size for _, size in parts)
    drawn: list[Html] = []
    left = 0.0
    for number, (name, size) in enumerate(parts):
        width = 1000 * size / total if total else 0.0
        if size > 0:
            drawn.append(
                element(
                    "rect", element("title", text(name)),
                    x=f"{left:.2f}", y=0, width=f"{width:.2f}", height=28, class_=part_class(number),
                )
            )  # fmt: skip
        left += width
    return element(
        "svg", *drawn, class_="bar", viewBox="0 0 1000 28", preserveAspectRatio="none", role="img", aria_label=label
    )


def part_class(number: int) -> str:
    return f"part-{number % COLOURS}"


def key(number: int, name: str) -> Html:
    """The colour of a part beside its name."""
    return Html(f"{element('span', class_=f'key {part_class(number)}', aria_hidden='true')}{text(name)}")


def dollars(value: float | None) -> str:
    return "unknown" if value is None else f"${value:,.2f}"
