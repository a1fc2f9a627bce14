"""The whole comment: a verdict that is always there, then sections, most important first, within GitHub's limit.

    destructive -> cost -> security -> placement -> Kubernetes

What does not fit is left out from the end: rows of the last section first, then its neighbour's. The verdict, every
section's summary line and, as far as they fit, the destructive rows outlive everything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.review.markdown.section import Section
from ai_on_eks.review.markdown.sections import sections
from ai_on_eks.review.markdown.verdict import verdict
from ai_on_eks.review.reviewing import Review

MARKER = "<!-- ai-on-eks review: one comment, updated in place -->"
"""The first line. Whoever posts the comment looks for it and replaces the comment that has it."""

MAX_CHARACTERS = 65_536
"""GitHub takes no longer comment."""

SHORTENED = "\nShortened to what a comment may hold; the JSON document has everything.\n"


def comment(review: Review, note: str = "") -> str:
    """The comment. `note` is a line of ours about what was compared."""
    head = f"{MARKER}\n{verdict(review)}\n{note}\n" if note else f"{MARKER}\n{verdict(review)}\n"
    return fitted(head, sections(review))


def fitted(head: str, parts: Sequence[Section], limit: int = MAX_CHARACTERS) -> str:
    """Head and sections in at most `limit` characters of UTF-16, as GitHub counts; the head is never cut."""
    rows = [part.row_count for part in parts]
    text = _joined(head, parts, rows)
    if _length(text) <= limit:
        return text
    room = limit - _length(SHORTENED)
    for i in reversed(range(len(parts))):
        rows[i] = _most(head, parts, rows, i, room)
        text = _joined(head, parts, rows)
        if _length(text) <= room:
            break
    return text + SHORTENED


def _most(head: str, parts: Sequence[Section], rows: Sequence[int], i: int, room: int) -> int:
    """The most rows of section i with which everything fits; 0 where even that does not help."""
    least, most = 0, rows[i]
    while least < most:
        middle = (least + most + 1) // 2
        tried = [*rows[:i], middle, *rows[i + 1 :]]
        if _length(_joined(head, parts, tried)) <= room:
            least = middle
        else:
            most = middle - 1
    return least


def _joined(head: str, parts: Sequence[Section], rows: Sequence[int]) -> str:
    return "\n".join([head, *(part.text(count) for part, count in zip(parts, rows, strict=True))])


def _length(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
