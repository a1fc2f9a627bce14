"""One review: two sides in, everything that changes out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from msgspec import Struct

from ai_on_eks.review.allowed import Allowance, Judged, judge, unused
from ai_on_eks.review.cost import CostChange, cost_change
from ai_on_eks.review.moves import Move, moves
from ai_on_eks.review.objects import ObjectChanges, object_changes
from ai_on_eks.review.replacement import destructions
from ai_on_eks.review.security import SecurityChange, security_change
from ai_on_eks.review.side import Side


class Review(Struct, frozen=True):
    """What a change does.

    destruction  every resource that is replaced, removed or refused, those that block first
    unused       entries of `allow-destroy.yaml` that name nothing of the change
    moves        models that move; None where a side wrote no plan
    """

    destruction: tuple[Judged, ...]
    unused: tuple[Allowance, ...]
    cost: CostChange
    moves: tuple[Move, ...] | None
    security: SecurityChange
    objects: ObjectChanges

    @property
    def blocking(self) -> tuple[Judged, ...]:
        """What no entry lets through."""
        return tuple(one for one in self.destruction if one.blocks)

    @property
    def is_blocked(self) -> bool:
        return bool(self.blocking)

    @property
    def changes_nothing(self) -> bool:
        """Whether the two sides come to the same platform, whatever their files say."""
        security, objects = self.security, self.objects
        return not (
            self.destruction
            or any(line.changed for line in self.cost.lines)
            or self.moves
            or security.added
            or security.resolved
            or security.permissions
            or security.openings
            or security.unpinned
            or objects.changes
            or objects.rollouts
        )


def review(before: Side, after: Side, allowances: Sequence[Allowance], day: date, *, lint: bool = False) -> Review:
    """Compare. `day` decides which entries still count and what support costs; `lint` asks cfn-lint too."""
    found = destructions(before.templates, after.templates)
    return Review(
        destruction=judge(found, allowances, day),
        unused=unused(found, allowances),
        cost=cost_change(before, after, day),
        moves=moves(before, after),
        security=security_change(before, after, lint=lint),
        objects=object_changes(before, after),
    )
