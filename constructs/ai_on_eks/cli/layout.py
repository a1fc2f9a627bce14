"""Tables: numbers to the right, the last column wrapped to the width, two spaces between columns.

A line is only as wide as `width` when its last column can be wrapped there; nothing is ever cut off, because a name
that is cut off cannot be typed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining, east_asian_width

from msgspec import Struct

GAP = "  "
MINIMUM_LAST_COLUMN = 24
"""The last column is never wrapped narrower than this."""


class Column(Struct, frozen=True):
    """A heading and the side its cells lean to."""

    title: str
    numeric: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> str:
    """The rows under their headings, without a line end. Every row has one cell for each column."""
    titles = [column.title for column in columns]
    widths = [max(display_width(row[i]) for row in (titles, *rows)) for i in range(len(columns))]
    before_last = sum(widths[:-1]) + len(GAP) * (len(columns) - 1)
    last_width = max(MINIMUM_LAST_COLUMN, width - before_last)
    lines: list[str] = []
    for row in (titles, *rows):
        *cells, last = row
        wrapped = wrap(last, last_width) if not columns[-1].numeric else [_pad(last, widths[-1], numeric=True)]
        padded = [_pad(cell, widths[i], numeric=columns[i].numeric) for i, cell in enumerate(cells)]
        lines.append(GAP.join([*padded, wrapped[0]]).rstrip())
        lines.extend((" " * before_last + line).rstrip() for line in wrapped[1:])
    return "\n".join(lines)


def wrap(text: str, width: int) -> list[str]:
    """The words of `text` in lines of at most `width`, a longer word on a line of its own; never an empty list."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if line and display_width(longer) > width:
            lines.append(line)
            line = word
        else:
            line = longer
    return [*lines, line]


def indented(text: str, width: int, indent: str, hanging: str = "") -> str:
    """The text wrapped, every line indented, all but the first one deeper by `hanging`."""
    lines = wrap(text, max(MINIMUM_LAST_COLUMN, width - len(indent) - len(hanging)))
    return "\n".join(f"{indent}{hanging if i else ''}{line}" for i, line in enumerate(lines))


def display_width(text: str) -> int:
    """Terminal cells the text takes: two for wide East Asian characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _pad(cell: str, width: int, *, numeric: bool) -> str:
    blanks = " " * (width - display_width(cell))
    return blanks + cell if numeric else cell + blanks
