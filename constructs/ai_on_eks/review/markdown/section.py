"""One folded part of the comment."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

BLOCK_TITLE = "#### "


class Block(Struct, frozen=True):
    """Rows under one heading. `head` stands above them whole or not at all: text, or a table's first two lines."""

    title: str
    head: tuple[str, ...]
    rows: tuple[str, ...]
    tail: tuple[str, ...] = ()

    def lines(self, rows: int) -> Iterator[str]:
        """The block with its first rows, and how many are left out."""
        if not (self.rows or self.head or self.tail):
            return
        if self.title:
            yield f"{BLOCK_TITLE}{self.title}"
            yield ""
        yield from self.head
        yield from self.rows[:rows]
        left_out = len(self.rows) - rows
        if left_out > 0:
            yield ""
            yield f"… and {left_out:,} more, all of them in the JSON document."
        if self.tail:
            yield ""
            yield from self.tail
        yield ""


class Section(Struct, frozen=True):
    """`summary` is our own words and figures alone: it is read as HTML. `opened` unfolds it."""

    summary: str
    blocks: tuple[Block, ...]
    opened: bool = False

    @property
    def row_count(self) -> int:
        return sum(len(block.rows) for block in self.blocks)

    def text(self, rows: int | None = None) -> str:
        """The section with at most so many rows, given to its blocks in their order; None = all."""
        left = self.row_count if rows is None else rows
        lines = [f"<details{' open' if self.opened else ''}>", f"<summary>{self.summary}</summary>", ""]
        for block in self.blocks:
            given = min(left, len(block.rows))
            left -= given
            lines += block.lines(given)
        return "\n".join([*lines, "</details>", ""])
