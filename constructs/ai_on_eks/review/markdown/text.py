"""Text of strangers inside a comment: names of models, tags, reasons, paths.

Everything that is not ours stands in a code span, where neither HTML nor Markdown, mentions, links nor issue numbers
are read. A code span ends at its own backtick and a table's cell at a bar, so those two characters are shown by others
that look alike; control characters and those that turn the direction of text are shown as numbers.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

MAX_CHARACTERS = 240
"""Of one code span. What is longer is in the JSON document."""

_LOOKALIKES = {"`": "ˋ", "|": "¦"}


def code(value: object) -> str:
    """The text as a code span of one line."""
    text = " ".join(str(value).split())
    if len(text) > MAX_CHARACTERS:
        text = f"{text[: MAX_CHARACTERS - 1]}…"
    shown = "".join(_shown(character) for character in text).strip()
    return f"`{shown}`" if shown else "`(empty)`"


def _shown(character: str) -> str:
    if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}:
        return f"\\u{{{ord(character):x}}}"
    return _LOOKALIKES.get(character, character)


def dollars(value: float | None, *, signed: bool = False) -> str:
    """`$1,234.50`, `+$3.00`, `unknown`. The dollar sign is written out: two of them would be a formula on GitHub."""
    if value is None:
        return "unknown"
    sign = ("+" if value > 0 else "-" if value < 0 else "±") if signed else ("-" if value < 0 else "")
    return f"{sign}{abs(value):,.2f} USD"


def duration(seconds: float | None) -> str:
    """`4 min 10 s`, `unknown`."""
    if seconds is None:
        return "unknown"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def table(titles: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A GitHub table, one line each; the cells are safe already."""
    head = f"| {' | '.join(titles)} |"
    return [head, f"|{'---|' * len(titles)}", *(f"| {' | '.join(row)} |" for row in rows)]
