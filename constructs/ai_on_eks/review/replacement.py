"""Resources that a deployment would make anew, delete or let go of.

    replaced   a create-only property differs, or names something that is replaced
    removed    the logical id is gone
    renamed    the logical id is gone, and another of the same type and properties has come
    moved      the same, in another stack
    refused    the service or CloudFormation would not take the update

A replaced resource takes along what names it in a create-only property, although nothing in that one's text differs;
so those are searched until no further one is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.review.create_only import facts, stateful_types, updates_of, value_at
from ai_on_eks.review.intrinsics import text_of
from ai_on_eks.review.links import Links
from ai_on_eks.review.renames import renames
from ai_on_eks.review.rules.retention import KEPT

Key = tuple[str, str]
"""Stack and logical id."""
Resources = Mapping[Key, Mapping[str, Any]]
Templates = Mapping[str, Mapping[str, Any]]


LEFT_BEHIND = "the application has no such stack any more: CDK leaves it there, paid for, until somebody destroys it"


class Action(StrEnum):
    REPLACED = "replaced"
    REMOVED = "removed"
    RENAMED = "renamed"
    MOVED = "moved"
    REFUSED = "refused"


class Destruction(Struct, frozen=True):
    """What would happen to one resource.

    properties  paths of the create-only properties that differ
    cause       the replaced resource that this one names, as `stack/id`; None where its own text differs
    into        the new place, as `stack/id`, of what is renamed or moved
    certain     false where only some values of the property replace it
    kept        the old one stays behind, and nothing reads it any more
    affects     what goes with it, of types that hold data or that others name; None = stateless
    notes       further consequences, in words
    """

    stack: str
    logical_id: str
    type: str
    action: Action
    properties: tuple[str, ...] = ()
    cause: str | None = None
    into: str | None = None
    certain: bool = True
    kept: bool = False
    affects: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def key(self) -> Key:
        return self.stack, self.logical_id

    @property
    def place(self) -> str:
        return f"{self.stack}/{self.logical_id}"


def destructions(before: Templates, after: Templates) -> tuple[Destruction, ...]:
    """Everything of the kind, what holds data first, then by stack and logical id."""
    old, new = _resources(before), _resources(after)
    found = {one.key: one for one in (*_changed(old, new), *_gone(old, new, before, after))}
    links = Links(after)
    for one in _taken_along(found, new, links):
        found.setdefault(one.key, one)
    importers = Links(before)
    told = (_with_importers(one, importers) if one.stack in after else one for one in found.values())
    return tuple(sorted(told, key=lambda one: (one.affects is None, one.stack, one.logical_id)))


def _resources(templates: Templates) -> dict[Key, Mapping[str, Any]]:
    return {
        (stack, name): resource
        for stack, template in templates.items()
        for name, resource in template.get("Resources", {}).items()
    }


def _changed(old: Resources, new: Resources) -> Iterator[Destruction]:
    for key in sorted(old.keys() & new.keys()):
        before, after = old[key], new[key]
        if before["Type"] != after["Type"]:
            note = f"CloudFormation does not change a type in place: it becomes {after['Type']}"
            yield _destruction(key, before, Action.REFUSED, ("Type",), notes=(note,))
            continue
        updates = updates_of(before["Type"])
        properties = [before.get("Properties", {}), after.get("Properties", {})]
        replaced, perhaps = (
            tuple(path for path in paths if value_at(properties[0], path) != value_at(properties[1], path))
            for paths in (updates.create_only, updates.conditional)
        )
        refused = tuple(_refusals(before["Type"], *properties))
        if replaced:
            notes = _fixed_name(updates.identifier, *properties)
            yield _destruction(key, before, Action.REPLACED, replaced, notes=(*notes, *(why for _, why in refused)))
        elif refused:
            paths, reasons = zip(*refused, strict=True)
            yield _destruction(key, before, Action.REFUSED, paths, notes=reasons)
        elif perhaps:
            yield replace(_destruction(key, before, Action.REPLACED, perhaps), certain=False)


def _destruction(
    key: Key,
    resource: Mapping[str, Any],
    action: Action,
    properties: tuple[str, ...] = (),
    *,
    notes: tuple[str, ...] = (),
) -> Destruction:
    policy = "UpdateReplacePolicy" if action is Action.REPLACED else "DeletionPolicy"
    return Destruction(
        stack=key[0],
        logical_id=key[1],
        type=resource["Type"],
        action=action,
        properties=properties,
        kept=action is not Action.REFUSED and resource.get(policy) in KEPT,
        affects=stateful_types().get(resource["Type"]),
        notes=notes,
    )


def _fixed_name(identifier: tuple[str, ...], before: Any, after: Any) -> tuple[str, ...]:
    """Two resources of one name cannot exist, and the new one is made before the old one goes."""
    given = [path for path in identifier if value_at(before, path) is not None]
    if given and len(given) == len(identifier) and all(value_at(before, p) == value_at(after, p) for p in given):
        named = ", ".join(f"{path} {text_of(value_at(after, path))}" for path in given)
        return (f"CloudFormation refuses it while the name stays: {named}",)
    return ()


def _refusals(type_: str, before: Any, after: Any) -> Iterator[tuple[str, str]]:
    for one in facts()["refused"]:
        if one["type"] == type_:
            old, new = value_at(before, one["property"]), value_at(after, one["property"])
            if _is_refused(one, old, new):
                yield one["property"], f"{one['why']}: {text_of(old)} to {text_of(new)}"


def _is_refused(entry: Mapping[str, Any], before: Any, after: Any) -> bool:
    if entry["when"] == "loses":
        return before in entry["from"] and after in entry["to"]
    old, new = _version(before), _version(after)
    return old is not None and new is not None and new < old


def _version(value: Any) -> tuple[int, ...] | None:
    """`'1.36'`, `1200` or `'1200'` as something to compare; None for what only a deployment knows."""
    parts = str(value).split(".")
    return tuple(map(int, parts)) if all(part.isascii() and part.isdigit() for part in parts) else None


def _gone(old: Resources, new: Resources, before: Templates, after: Templates) -> Iterator[Destruction]:
    places = renames(before, after)
    for key in sorted(old.keys() - new.keys()):
        into = places.get(key)
        action = Action.REMOVED
        if into is not None:
            action = Action.RENAMED if into[0] == key[0] else Action.MOVED
        one = _destruction(key, old[key], action)
        if key[0] not in after:
            one = replace(one, kept=True, notes=(LEFT_BEHIND,))
        yield one if into is None else replace(one, into="/".join(into))


def _taken_along(found: Mapping[Key, Destruction], new: Resources, links: Links) -> Iterator[Destruction]:
    """What names a replaced resource at creation, and what names that one, and so on."""
    replaced = {key: one for key, one in found.items() if one.action is Action.REPLACED}
    waiting = sorted(replaced)
    while waiting:
        cause = waiting.pop(0)
        for key in links.users_of(cause):
            if key in replaced or key not in new:
                continue
            resource = new[key]
            paths = tuple(
                path
                for path in updates_of(resource["Type"]).create_only
                if cause in links.named_by(key[0], value_at(resource.get("Properties", {}), path))
            )
            if paths:
                one = _destruction(key, resource, Action.REPLACED, paths)
                replaced[key] = replace(one, cause="/".join(cause), certain=replaced[cause].certain)
                waiting.append(key)
                yield replaced[key]


def _with_importers(one: Destruction, before: Links) -> Destruction:
    """CloudFormation refuses to change what a stack exports while another imports it."""
    if one.action is Action.REFUSED:
        return one
    stacks = sorted({stack for stack, _ in before.users_of(one.key) if stack != one.stack})
    if not stacks:
        return one
    note = f"CloudFormation refuses it while {', '.join(stacks)} import{'s' if len(stacks) == 1 else ''} it"
    return replace(one, notes=(*one.notes, note))
