"""Which models move to which accelerator, and the term that changed.

1. the old place is refused now          the rule and its reason
2. the planned load or the model changed  what is asked of it, or the bytes of a term
3. neither                                prices or the choice among equals
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from ai_on_eks.review.plans import Plan, number_at, part, plans_of
from ai_on_eks.review.side import Side
from ai_on_eks.units import format_gib

PLACE = (
    "instance_type", "nodes", "replicas", "accelerator", "accelerators_per_replica", "tensor_parallel",
    "pipeline_parallel", "engine",
)  # fmt: skip
"""Of a placement what a reader has to know of where a model runs."""

TERMS = ("weights_bytes", "activation_bytes", "overhead_bytes", "kv_cache_bytes", "budget_bytes")
"""Of an accelerator's account."""

NEAR_SHARE = 0.001
"""Terms that differ by less are the same: a thousandth of a term moves no model."""


class Change(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    MOVED = "moved"
    RESIZED = "resized"


class Move(Struct, frozen=True):
    """One model.

    change         moved = to another instance type or accelerator, resized = the same in another number or division
    before, after  where it runs, in words; None where it does not
    reasons        what changed, most telling first
    """

    model: str
    change: Change
    before: str | None
    after: str | None
    reasons: tuple[str, ...] = ()


def moves(before: Side, after: Side) -> tuple[Move, ...] | None:
    """Models whose place differs, in the order of the new plan, removed ones last; None where a side has no plan."""
    if before.plan is None or after.plan is None:
        return None
    old, new = plans_of(before), plans_of(after)
    found = [_move(model, old.get(model), plan) for model, plan in new.items()]
    gone = [Move(model, Change.REMOVED, _place(plan), None) for model, plan in old.items() if model not in new]
    return tuple(one for one in (*found, *gone) if one is not None)


def _move(model: str, before: Plan | None, after: Plan) -> Move | None:
    if before is None:
        return Move(model, Change.ADDED, None, _place(after), tuple(filter(None, [part(after, "why")])))
    if _where(before) == _where(after):
        return None
    names = [(part(plan, "chosen", "instance_type"), part(plan, "chosen", "accelerator")) for plan in (before, after)]
    change = Change.RESIZED if names[0] == names[1] else Change.MOVED
    return Move(model, change, _place(before), _place(after), tuple(_reasons(before, after, change)))


def _where(plan: Plan) -> tuple[Any, ...]:
    return tuple(part(plan, "chosen", key) for key in PLACE)


def _place(plan: Plan) -> str | None:
    chosen = part(plan, "chosen")
    if not isinstance(chosen, Mapping):
        return None
    devices = chosen.get("accelerators_per_replica")
    on = f" ({devices} × {chosen.get('accelerator')} a replica)" if devices else ""
    replicas = chosen.get("replicas")
    return f"{chosen.get('nodes')} × {chosen.get('instance_type')}{on}, {replicas} × {chosen.get('engine')}"


def _reasons(before: Plan, after: Plan, change: Change) -> Iterator[str]:
    """What was asked explains the terms, so these are told only where nothing else was asked."""
    if change is Change.MOVED:
        yield from _old_place_now(before, after)
    asked = [*_asked(before, after)]
    told = asked or [*_terms(before, after)]
    yield from told or _choices(before, after)


def _old_place_now(before: Plan, after: Plan) -> Iterator[str]:
    """What the new plan says of where the model lay: the price, where it would still do, or the rule it falls to."""
    instance_type, engine = part(before, "chosen", "instance_type"), part(before, "chosen", "engine")
    for one in _mappings(part(after, "accepted")):
        if (one.get("instance_type"), one.get("engine")) == (instance_type, engine):
            usd, chosen = number_at(one, "usd_per_hour"), number_at(after, "chosen", "usd_per_hour")
            if usd is not None and chosen is not None:
                yield f"{one.get('nodes')} × {instance_type} would cost {usd:.3f} $/h now, {usd - chosen:+.3f}"
            return
    for one in _mappings(part(after, "rejected")):
        if one.get("instance_type") in (instance_type, "any") and one.get("engine") in (engine, "any"):
            yield f"{instance_type} fails {one.get('rule')} now: {one.get('reason')}"
            return


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _asked(before: Plan, after: Plan) -> Iterator[str]:
    old, new = (_flat(part(plan, "serving")) for plan in (before, after))
    for key in sorted({*old, *new}):
        if old.get(key) != new.get(key):
            yield f"serving.{key}: {_shown(old.get(key))} to {_shown(new.get(key))}"


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {prefix.removesuffix("."): value} if prefix else {}
    found: dict[str, Any] = {}
    for key, item in value.items():
        found |= _flat(item, f"{prefix}{key}.")
    return found


def _terms(before: Plan, after: Plan) -> Iterator[str]:
    """Terms of the whole replica, so that another number of accelerators changes none by itself."""
    for key in TERMS[:-2]:
        old, new = (_whole(plan, key) for plan in (before, after))
        if old is not None and new is not None and abs(new - old) > NEAR_SHARE * max(old, new):
            yield f"{key.removesuffix('_bytes')}: {format_gib(old)} to {format_gib(new)} a replica"


def _whole(plan: Plan, key: str) -> float | None:
    each, devices = number_at(plan, "chosen", "per_accelerator", key), number_at(plan, "chosen", "tensor_parallel")
    return None if each is None else each * (devices or 1) * (number_at(plan, "chosen", "pipeline_parallel") or 1)


def _choices(before: Plan, after: Plan) -> Iterator[str]:
    old, new = (part(plan, "why") for plan in (before, after))
    yield f"{new}" if old == new else f"was: {old}; is: {new}"


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)
