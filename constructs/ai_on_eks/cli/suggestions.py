"""The nearest known name for a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known name most like `word`, or None when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415 - only needed once something is wrong

    matches = get_close_matches(word.lower(), sorted(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def closest_fix(word: str, known: Iterable[str]) -> str | None:
    """The nearest name as a fix: `did you mean 'plan'?`, or None."""
    match = closest(word, known)
    return f"did you mean '{match}'?" if match else None
