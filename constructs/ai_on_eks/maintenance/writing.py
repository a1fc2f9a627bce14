"""Generated JSON: equal facts give equal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def compact(value: object) -> str:
    """One line of JSON with sorted keys and no blanks. NaN and infinity are refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def document(head: Mapping[str, Any], section: str, members: Mapping[str, Any]) -> str:
    """`head` and `members` as one object, one line per member so that a refresh reads well as a diff."""
    lines = [f"{compact(key)}:{compact(value)}" for key, value in sorted(head.items())]
    body = ",\n".join(f"{compact(name)}:{compact(value)}" for name, value in sorted(members.items()))
    return "{\n" + ",\n".join([*lines, f"{compact(section)}:{{\n{body}\n}}"]) + "\n}\n"
