"""Logical ids that are gone and have come back under another name.

    same resource  ⇔  same type, and the same properties once names of what is gone or new no longer count

A reference is the resource it leads to, whether by name or through an export: what moves to another stack names the
same things in another way. Tags are left out: CDK writes the path of a construct into them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ai_on_eks.review.links import Links

Key = tuple[str, str]
"""Stack and logical id."""
Templates = Mapping[str, Mapping[str, Any]]

_REFERENCES = frozenset({"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::ImportValue", "Fn::GetStackOutput"})


def renames(before: Templates, after: Templates) -> dict[Key, Key]:
    """The new place of each resource that is gone and has a twin among the new ones; within its stack if it can be."""
    old, new = _keys(before), _keys(after)
    gone, come = sorted(old - new), sorted(new - old)
    if not gone or not come:
        return {}
    twins: dict[str, list[Key]] = {}
    links = Links(after)
    for key in come:
        twins.setdefault(_likeness(after, links, key, frozenset(come)), []).append(key)
    found: dict[Key, Key] = {}
    links = Links(before)
    for key in gone:
        same = twins.get(_likeness(before, links, key, frozenset(gone)), [])
        if same:
            twin = min(same, key=lambda one: (one[0] != key[0], one))
            same.remove(twin)
            found[key] = twin
    return found


def _keys(templates: Templates) -> set[Key]:
    return {(stack, name) for stack, template in templates.items() for name in template.get("Resources", {})}


def _likeness(templates: Templates, links: Links, key: Key, changed: frozenset[Key]) -> str:
    """What two resources have to have in common, as text."""
    resource = templates[key[0]]["Resources"][key[1]]
    properties = {name: value for name, value in resource.get("Properties", {}).items() if name != "Tags"}

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(item) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and next(iter(value)) in _REFERENCES:
            named = links.named_by(key[0], value)
            if named:
                return sorted(
                    str(templates[stack]["Resources"][name]["Type"]) if (stack, name) in changed else f"{stack}/{name}"
                    for stack, name in named
                    if name in templates[stack]["Resources"]
                )
        return {name: plain(item) for name, item in value.items()}

    return json.dumps([resource["Type"], plain(properties)], sort_keys=True)
