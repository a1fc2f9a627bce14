"""Which rejections came nearest to being accepted.

    order = (rules passed: more first, shortfall: less first, name)

Rules are asked in one fixed order, so a candidate that fell later fulfils everything the earlier ones ask.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.placement.candidates import SIZED_ONLY
from ai_on_eks.placement.rules import CANDIDATE_RULES, MEMORY_RULE, PLACEMENT_RULES
from ai_on_eks.placement.types import Rejection

RULE_ORDER: tuple[str, ...] = (
    *(rule.name for rule in CANDIDATE_RULES),
    MEMORY_RULE,
    *(rule.name for rule in PLACEMENT_RULES),
)
"""Rules in the order they are asked. The later a candidate fell, the nearer it came."""

_PASSED = {name: passed for passed, name in enumerate(RULE_ORDER)}
_BEFORE_ALL = -1
"""Of an engine that was ruled out before any candidate was made."""

_PASSED[SIZED_ONLY] = _BEFORE_ALL - 1  # and that whatever the model

_UNKNOWN = float("inf")


def nearest_first(rejections: Iterable[Rejection]) -> tuple[Rejection, ...]:
    """A total order: equal rejections give equal answers, whatever order they come in."""
    return tuple(sorted(rejections, key=_key))


def _key(rejection: Rejection) -> tuple[int, float, str, int, str]:
    return (
        -_PASSED.get(rejection.rule, _BEFORE_ALL),
        _missing(rejection.shortfall),
        rejection.instance_type,
        rejection.tensor_parallel,
        rejection.engine,
    )


def _missing(shortfall: str | None) -> float:
    """The number a shortfall begins with; all shortfalls of one rule have one unit."""
    return float(shortfall.partition(" ")[0].replace(",", "")) if shortfall else _UNKNOWN
