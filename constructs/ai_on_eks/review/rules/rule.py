"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct

Check = Callable[[Any], Iterator[str]]
"""From one resource, object or pod to what is wrong with it, in words."""


class Rule(Struct, frozen=True):
    """One thing that must not be.

    code    stable kebab-case identifier
    applies CloudFormation types or Kubernetes kinds the rule reads; `Pod` = every pod, expanded from its template
    what    what is refused, for the reader of the documentation
    why     what happens otherwise
    fix     the smallest change that mends it
    check   yields one message for each fault, nothing for what is not known
    """

    code: str
    applies: tuple[str, ...]
    what: str
    why: str
    fix: str
    check: Check
