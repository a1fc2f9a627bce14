"""The lines that nothing shortens."""

from __future__ import annotations

from ai_on_eks.review.markdown.text import dollars
from ai_on_eks.review.reviewing import Review
from ai_on_eks.units import counted


def verdict(review: Review) -> str:
    """A heading and one line for each part; figures and our own words alone."""
    blocking = len(review.blocking)
    title = "blocked" if blocking else "nothing changes" if review.changes_nothing else "passed"
    lines = [f"## Platform review: {title}", ""]
    if blocking:
        lines += [
            f"**{counted(blocking, 'destructive change')} that no entry of allow-destroy.yaml lets through,** "
            f"{_stateful(review) or 'none'} of them of what holds data or is named by it. "
            "What is meant is let through by such an entry; the first ones stand below, to copy.",
            "",
        ]
    return "\n".join([*lines, *(f"- {line}" for line in _lines(review))]) + "\n"


def _stateful(review: Review) -> int:
    return sum(one.destruction.affects is not None for one in review.blocking)


def _lines(review: Review) -> list[str]:
    allowed = len(review.destruction) - len(review.blocking)
    moved = "unknown" if review.moves is None else counted(len(review.moves), "model")
    objects = review.objects
    return [
        f"destructive: {len(review.blocking)} not allowed, {allowed} allowed",
        f"cost: {cost_line(review)}",
        f"security: {security_line(review)}",
        f"placement: {moved} placed anew",
        f"Kubernetes: {counted(len(objects.changes), 'object')} changed, {counted(len(objects.rollouts), 'rollout')}",
    ]


def security_line(review: Review) -> str:
    """How much is new of each kind."""
    security = review.security
    new = (
        (security.added, "new finding"),
        (security.permissions, "new permission"),
        (security.openings, "new opening"),
        (security.unpinned, "new unpinned image"),
    )
    return ", ".join(counted(len(found), noun) for found, noun in new)


def cost_line(review: Review) -> str:
    """Before, after and the difference, with what is not known of it."""
    cost = review.cost
    share = "" if cost.share is None else f", {cost.share:+.1%}"
    line = f"{dollars(cost.before.known_usd)} to {dollars(cost.after.known_usd)} a month"
    line += f" ({dollars(cost.delta_usd, signed=True)}{share})"
    unknown = len(cost.unknown_changes)
    return f"{line}, and {counted(unknown, 'changed part')} of unknown price" if unknown else line
