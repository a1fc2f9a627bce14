"""Whether the pools that a platform file gives a strategy of their own are pools of the plan."""

from __future__ import annotations

from collections.abc import Iterable

from ai_on_eks.descriptors.platform import Capacity
from ai_on_eks.errors import Problem
from ai_on_eks.placement.types import CapacityRequest


def unknown_pools(capacity: Capacity, requests: Iterable[CapacityRequest]) -> list[Problem]:
    """Names that no pool has: a plan that changed would otherwise change what starts its nodes, without a word."""
    pools = tuple(sorted({request.pool for request in requests}))
    return [
        Problem(
            code="unknown-pool",
            message=f"the plan has no pool {name}",
            path=f"capacity.pool_strategies.{name}",
            value=name,
            allowed=pools,
            fix="name a pool of the plan, or remove the line",
        )
        for name in sorted(capacity.pool_strategies)
        if name not in pools
    ]
