"""Which resource names which, in one template and from stack to stack through exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ai_on_eks.review.intrinsics import imports, references, text_of

Key = tuple[str, str]
"""Stack and logical id."""


class Links:
    """The references of one synthesis."""

    def __init__(self, templates: Mapping[str, Mapping[str, Any]]) -> None:
        self._exports: dict[str, frozenset[Key]] = {}
        for stack, template in templates.items():
            for output in _mappings(template.get("Outputs")):
                export = output.get("Export")
                if isinstance(export, Mapping):
                    named = frozenset((stack, name) for name in references(output.get("Value")))
                    self._exports[text_of(export.get("Name"))] = named
        self._users: dict[Key, list[Key]] = {}
        for stack, template in templates.items():
            for name, resource in template.get("Resources", {}).items():
                for used in sorted(self.named_by(stack, resource.get("Properties"))):
                    self._users.setdefault(used, []).append((stack, name))

    def users_of(self, key: Key) -> tuple[Key, ...]:
        """Resources that name it anywhere in their properties."""
        return tuple(self._users.get(key, ()))

    def named_by(self, stack: str, value: Any) -> frozenset[Key]:
        """Resources that a value of the stack's template refers to, by whatever function."""
        own = frozenset((stack, name) for name in references(value))
        return own.union(*(self._exports.get(name, frozenset()) for name in imports(value)))


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value.values() if isinstance(one, Mapping)] if isinstance(value, Mapping) else []
