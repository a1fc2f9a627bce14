"""Which rejections came nearest to being accepted.

    order = (rules passed: more first, shortfall: less first, name)

Rules are asked in one fixed order, so a candidate that fell later fulfils everything the earlier ones ask.
"""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.placement.candidates import CONSTRAINT_RULE, ENGINE_RULE, SUPERSEDED_RULE
from ai_on_eks.placement.rules import (
    DIVISION_RULES,
    ENGINE_RULES,
    FEWEST_NODES_RULE,
    MEMORY_RULE,
    NODE_RULES,
    PLACEMENT_RULES,
    TYPE_RULES,
)
from ai_on_eks.placement.types import Rejection

RULE_ORDER: tuple[str, ...] = (
    CONSTRAINT_RULE,
    SUPERSEDED_RULE,
    ENGINE_RULE,
    *(rule.name for rule in (*TYPE_RULES, *ENGINE_RULES)),
    FEWEST_NODES_RULE,
    *(rule.name for rule in (*DIVISION_RULES, *NODE_RULES)),
    MEMORY_RULE,
    *(rule.name for rule in PLACEMENT_RULES),
)
"""Rules in the order they are asked. The later a candidate fell, the nearer it came."""

_LEFT = {name: -position for position, name in enumerate(RULE_ORDER)}

_UNKNOWN = float("inf")


def nearest_first(rejections: Iterable[Rejection]) -> tuple[Rejection, ...]:
    """A total order: equal rejections give equal answers, whatever order they come in."""
    return tuple(sorted(rejections, key=_key))


def _key(rejection: Rejection) -> tuple[int, float, str, int, int, int, int, str]:
    division, missing = rejection.division, rejection.violation.missing
    return (
        _LEFT[rejection.rule],
        _UNKNOWN if missing is None else missing,
        rejection.instance_type,
        division.nodes,
        division.tensor_parallel,
        division.pipeline_parallel,
        division.expert_parallel,
        rejection.engine,
    )
