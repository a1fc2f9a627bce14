"""What cfn-lint says of templates that differ.

It takes a second or two for each, so it runs only where it is asked for, and over the side before only where it objects
to the side after.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

SCANNER = "cfn-lint"

Templates = Mapping[str, Mapping[str, Any]]


class Objection(Struct, frozen=True):
    """One match: the rule, where (`stack Resources/Name/…`) and what."""

    rule: str
    place: str
    message: str


def lint_changed(before: Templates, after: Templates, region: str) -> tuple[list[Objection], list[Objection]]:
    """What it objects to in templates that differ, before and after, for stacks of the region."""
    old: list[Objection] = []
    new: list[Objection] = []
    for stack, template in sorted(after.items()):
        if template != before.get(stack):
            found = _objections(stack, template, region)
            new += found
            old += _objections(stack, before[stack], region) if found and stack in before else []
    return old, new


def _objections(stack: str, template: Mapping[str, Any], region: str) -> list[Objection]:
    from cfnlint.api import lint  # noqa: PLC0415 - half a second that most reviews have no use for

    return [
        Objection(match.rule.id, f"{stack} {'/'.join(map(str, match.path or ()))}", match.message)
        for match in lint(json.dumps(template), regions=[region])
    ]
