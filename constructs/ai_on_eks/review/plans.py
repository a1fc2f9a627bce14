"""The plans that a synthesis wrote, as far as they are what they should be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.review.side import Side

Plan = Mapping[str, Any]


def plans_of(side: Side) -> dict[str, Plan]:
    """Each model's plan by its name, in the order of the file; nothing where no plan was written."""
    plans = side.plan.get("plans") if side.plan else None
    found = [plan for plan in plans if isinstance(plan, Mapping)] if isinstance(plans, list) else []
    return {str(plan.get("model")): plan for plan in found}


def part(plan: Plan, *path: str) -> Any:
    """What lies at the path; None where a step is absent or no mapping."""
    value: Any = plan
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def number_at(plan: Plan, *path: str) -> float | None:
    """A number at the path, or None."""
    value = part(plan, *path)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
