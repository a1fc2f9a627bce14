"""Which fields of two objects differ.

    whole      both were completed by the API server: whatever differs is drift
    rendered   one is as rendered: what it does not say is left to the server, and quantities are equal by their value

Items of a list that all have a name are matched by it, others by their place.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from msgspec.structs import replace

from ai_on_eks.drift.secrets import HIDDEN, announces_secret, shown
from ai_on_eks.drift.types import Finding, Json, Kind
from ai_on_eks.kube.quantity import parse_quantity

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""`kubectl rollout restart` writes it into the pod template: pods are new, and the same as before."""

ABSENT: Any = object()


def differences(rendered: Json, live: Json, *, whole: bool) -> tuple[Finding, ...]:
    """Every field that differs, in the order of the rendered object."""
    comparison = _Comparison(whole)
    found = [*comparison.metadata(rendered, live)]
    for field in _keys(rendered, live, whole=whole):
        if field not in ("apiVersion", "kind", "metadata", "status"):
            found += comparison.values(field, rendered.get(field, ABSENT), live.get(field, ABSENT))
    return tuple(found)


def _keys(rendered: Json, live: Json, *, whole: bool) -> list[str]:
    return [*rendered, *(sorted(set(live) - set(rendered)) if whole else ())]


class _Comparison:
    def __init__(self, whole: bool) -> None:
        self.whole = whole

    def metadata(self, rendered: Json, live: Json) -> Iterator[Finding]:
        """Labels and annotations that were rendered. Others have other owners: controllers, people, GitOps."""
        for part in ("labels", "annotations"):
            there = live["metadata"].get(part) or {}
            for name, value in (rendered["metadata"].get(part) or {}).items():
                yield from self.values(f"metadata.{part}[{name}]", value, there.get(name, ABSENT))

    def values(self, path: str, rendered: Any, live: Any) -> Iterator[Finding]:
        if isinstance(rendered, dict) and isinstance(live, dict):
            for key in _keys(rendered, live, whole=self.whole):
                if key == RESTARTED_AT and key not in rendered:
                    continue
                yield from self.values(_join(path, key), rendered.get(key, ABSENT), live.get(key, ABSENT))
        elif isinstance(rendered, list) and isinstance(live, list):
            yield from self._lists(path, rendered, live)
        elif not _equal(path, rendered, live):
            yield _changed(path, rendered, live)

    def _lists(self, path: str, rendered: list[Any], live: list[Any]) -> Iterator[Finding]:
        names, there = _names(rendered), _names(live)
        if names is None or there is None:
            yield from self._places(path, rendered, live)
            return
        for name in (*names, *(name for name in there if name not in names)):
            yield from self.values(f"{path}[{name}]", names.get(name, ABSENT), there.get(name, ABSENT))
        if set(names) == set(there) and list(names) != list(there):
            yield _changed(f"{path} (order)", list(names), list(there))

    def _places(self, path: str, rendered: list[Any], live: list[Any]) -> Iterator[Finding]:
        for place, (one, other) in enumerate(zip_longest(rendered, live, fillvalue=ABSENT)):
            found = self.values(f"{path}[{place}]", one, other)
            after_secret = any(place and announces_secret(item) for item in _at(place - 1, rendered, live))
            yield from (_hidden(finding) for finding in found) if after_secret else found


def _at(place: int, *lists: list[Any]) -> list[Any]:
    return [items[place] for items in lists if 0 <= place < len(items)]


def _names(items: list[Any]) -> dict[str, Any] | None:
    """The items by their names; None where one has none or two share one."""
    named = {item["name"]: item for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)}
    return named if len(named) == len(items) else None


def _equal(path: str, rendered: Any, live: Any) -> bool:
    if rendered is ABSENT or live is ABSENT:
        # The server leaves out what is empty, and an empty object is no difference to none.
        return (rendered if live is ABSENT else live) in ({}, [], None, "")
    if type(rendered) is type(live) and rendered == live:
        return True
    return _is_quantity(path) and _amount(rendered) is not None and _amount(rendered) == _amount(live)


def _is_quantity(path: str) -> bool:
    """Amounts, which the API server writes in a form of its own: `1024Mi` becomes `1Gi`."""
    return any(part in path for part in (".requests", ".limits", ".capacity", "sizeLimit", ".storage", "overhead"))


def _amount(value: Any) -> Any:
    try:
        return parse_quantity(value)
    except ValueError:
        return None


def _changed(path: str, rendered: Any, live: Any) -> Finding:
    return Finding(
        Kind.CHANGED,
        path,
        rendered=None if rendered is ABSENT else shown(path, rendered),
        live=None if live is ABSENT else shown(path, live, foreign=rendered is ABSENT),
    )


def _hidden(finding: Finding) -> Finding:
    return replace(
        finding,
        rendered=None if finding.rendered is None else HIDDEN,
        live=None if finding.live is None else HIDDEN,
    )


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if "." not in key and "/" not in key else f"{path}[{key}]"
