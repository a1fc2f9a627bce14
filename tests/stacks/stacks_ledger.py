"""Logical ids of what cannot be made again, with the properties that CloudFormation can only set at creation.

    ledger entry = type + the values of its create-only properties, as the template writes them

Types and create-only properties are those that a review looks at. A changed value or id means that CloudFormation makes
a new resource beside the old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from ai_on_eks.review.create_only import stateful_types, updates_of, value_at

Entry = dict[str, Any]
Stacks = Mapping[str, Mapping[str, Entry]]
"""Entries by stack and logical id."""

NEW = "is new"
GONE = "is gone: CloudFormation would delete it or let go of it"


class Change(Struct, frozen=True):
    """A change that was reviewed and is meant: which id, since which version, and why."""

    stack: str
    logical_id: str
    version: str
    reason: str


def entries(template: Mapping[str, Any]) -> dict[str, Entry]:
    """The ledger's entries of one template."""
    return {
        name: {"type": item["Type"], "create_only": dict(_create_only(item))}
        for name, item in sorted(template["Resources"].items())
        if item["Type"] in stateful_types()
    }


def differences(recorded: Stacks, now: Stacks) -> Iterator[tuple[str, str, str]]:
    """(stack, logical id, what happened to it) of everything that is not as it was recorded."""
    for stack in sorted({*recorded, *now}):
        before, after = recorded.get(stack, {}), now.get(stack, {})
        for name in sorted({*before, *after}):
            if name not in after:
                yield stack, name, GONE
            elif name not in before:
                yield stack, name, NEW
            elif before[name] != after[name]:
                old, new = before[name]["create_only"], after[name]["create_only"]
                keys = sorted(key for key in {*old, *new} if old.get(key) != new.get(key))
                yield stack, name, f"would be replaced: {', '.join(keys) or 'its type'} changed"


def updated(recorded: Stacks, now: Stacks, allowed: tuple[Change, ...]) -> dict[str, dict[str, Entry]]:
    """The ledger with what is new, and with what was reviewed; everything else stays as it was recorded."""
    meant = {(one.stack, one.logical_id) for one in allowed}
    result = {stack: dict(recorded.get(stack, {})) for stack in {*recorded, *now}}
    for stack, name, what in differences(recorded, now):
        if what == NEW or (stack, name) in meant:
            result[stack].pop(name, None)
            if name in now.get(stack, {}):
                result[stack][name] = now[stack][name]
    return {stack: found for stack, found in result.items() if found}


def _create_only(item: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for path in updates_of(item["Type"]).create_only:
        value = value_at(item.get("Properties", {}), path)
        if value is not None:
            yield path, value
