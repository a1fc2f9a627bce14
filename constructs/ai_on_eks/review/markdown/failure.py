"""The comment of a change that does not synthesize: there is nothing to compare."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.errors import Problem
from ai_on_eks.review.markdown.comment import MARKER
from ai_on_eks.review.markdown.text import code

MOST_LINES = 60
"""Of what the syntheses said. A code span has at most 240 characters, so a comment may hold four times as many."""


def failure(problems: Sequence[Problem]) -> str:
    """What was said, line by line, as text."""
    lines = [line for problem in problems for line in problem.message.splitlines() if line.strip()]
    shown = [f"- {code(line.strip())}" for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(f"- … and {len(lines) - MOST_LINES} lines more in the log.")
    return "\n".join([MARKER, "## Platform review: not synthesized", "", *shown, ""])
