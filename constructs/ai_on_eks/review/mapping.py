"""A review as a JSON document's body: everything, nothing shortened."""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins

from ai_on_eks.review.allowed import Judged
from ai_on_eks.review.cost import Bill, CostChange, Moved
from ai_on_eks.review.reviewing import Review


def review_mapping(review: Review) -> dict[str, Any]:
    """Keys in the order of the comment; unknown figures are null."""
    return {
        "verdict": "blocked" if review.is_blocked else "passed",
        "changes_nothing": review.changes_nothing,
        "replacement": {
            "blocking": len(review.blocking),
            "resources": [_judged(one) for one in review.destruction],
            "unused_allowances": [one.model_dump() for one in review.unused],
        },
        "cost": _cost(review.cost),
        "security": to_builtins(review.security),
        "placement": None if review.moves is None else [to_builtins(move) for move in review.moves],
        "kubernetes": to_builtins(review.objects),
    }


def _judged(one: Judged) -> dict[str, Any]:
    allowance = None if one.allowance is None else one.allowance.model_dump()
    return {**to_builtins(one.destruction), "blocks": one.blocks, "expired": one.expired, "allowance": allowance}


def _cost(cost: CostChange) -> dict[str, Any]:
    return {
        "before": _bill(cost.before),
        "after": _bill(cost.after),
        "delta_usd_per_month": cost.delta_usd,
        "delta_share": cost.share,
        "unknown_changes": list(cost.unknown_changes),
        "lines": [_line(line) for line in cost.lines],
    }


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "known_usd_per_month": bill.known_usd,
        "unknown": list(bill.unknown),
        "region": bill.region,
        "price_regions": list(bill.price_regions),
        "price_dates": None if bill.dates is None else {"oldest": bill.dates[0], "newest": bill.dates[1]},
    }


def _line(line: Moved) -> dict[str, Any]:
    return {
        "group": line.group,
        "name": line.name,
        "before": None if line.before is None else to_builtins(line.before),
        "after": None if line.after is None else to_builtins(line.after),
        "delta_usd_per_month": line.delta_usd,
    }
