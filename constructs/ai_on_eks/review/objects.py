"""What happens to the Kubernetes objects: added, changed, removed, and which pods start anew.

A changed pod template rolls every pod of its owner. On accelerators a new pod only fits where an old one has gone, so a
model with one replica does not answer until the new one is ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from ai_on_eks.kube.objects.labels import MODEL_LABEL, PLAN_DIGEST_LABEL
from ai_on_eks.review.plans import number_at, plans_of
from ai_on_eks.review.rules.assembly import Assembly, KubeObject
from ai_on_eks.review.rules.pods import expand
from ai_on_eks.review.rules.values import dig
from ai_on_eks.review.side import Side

MAX_PATHS = 12
"""Changed places of one object that are named; the rest is counted."""

DIGEST_ALONE = (f"metadata.labels.{PLAN_DIGEST_LABEL}",)

Key = tuple[str, str, str, str]
"""API group, kind, namespace (empty where the object names none: most of those belong to the cluster), name."""


class Fate(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class ObjectChange(Struct, frozen=True):
    """One object; `paths` are the places that differ, `further` how many are not named."""

    fate: Fate
    kind: str
    namespace: str
    name: str
    paths: tuple[str, ...] = ()
    further: int = 0


class Rollout(Struct, frozen=True):
    """Pods that start anew.

    interrupts         no replica answers in the meantime; None where that cannot be told
    seconds_to_ready   from a new node's start to the first answer, as planned; None where nothing was estimated
    """

    kind: str
    namespace: str
    name: str
    model: str | None
    replicas: int | None
    interrupts: bool | None
    seconds_to_ready: float | None


class ObjectChanges(Struct, frozen=True):
    """`relabelled` counts objects of which nothing differs but the label with the digest of their model's plan."""

    changes: tuple[ObjectChange, ...]
    rollouts: tuple[Rollout, ...]
    relabelled: int = 0


def object_changes(before: Side, after: Side) -> ObjectChanges:
    """Everything, by kind, namespace and name."""
    old, new = _by_key(before.assembly), _by_key(after.assembly)
    found = sorted(_changes(old, new), key=lambda one: (one.kind, one.namespace, one.name))
    changes = tuple(one for one in found if one.paths != DIGEST_ALONE)
    rollouts = [
        _rollout(new[key], after)
        for key in sorted(old.keys() & new.keys())
        if _templates(old[key], before.assembly) != _templates(new[key], after.assembly)
    ]
    return ObjectChanges(changes, tuple(rollouts), len(found) - len(changes))


def _by_key(assembly: Assembly) -> dict[Key, KubeObject]:
    return {(one.group, one.kind, _namespace(one), one.name): one for one in assembly.objects}


def _namespace(one: KubeObject) -> str:
    namespace = one.get("metadata", "namespace")
    return namespace if isinstance(namespace, str) else ""


def _changes(old: Mapping[Key, KubeObject], new: Mapping[Key, KubeObject]) -> Iterator[ObjectChange]:
    for key in old.keys() | new.keys():
        _, kind, namespace, name = key
        if key not in old:
            yield ObjectChange(Fate.ADDED, kind, namespace, name)
        elif key not in new:
            yield ObjectChange(Fate.REMOVED, kind, namespace, name)
        elif old[key].body != new[key].body:
            paths = list(_differing(old[key].body, new[key].body))
            yield ObjectChange(
                Fate.CHANGED, kind, namespace, name, tuple(paths[:MAX_PATHS]), max(0, len(paths) - MAX_PATHS)
            )


def _differing(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Dotted paths of the outermost values that differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}, key=str):
            if old.get(key) != new.get(key):
                yield from _differing(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (one, other) in enumerate(zip(old, new, strict=True)):
            if one != other:
                yield from _differing(one, other, f"{path}[{i}]")
    else:
        yield path


def _templates(one: KubeObject, assembly: Assembly) -> list[tuple[str, Any, Any]]:
    return [(pod.role, pod.spec, pod.labels) for pod in expand(one, assembly)]


def _rollout(one: KubeObject, after: Side) -> Rollout:
    labels = one.get("metadata", "labels")
    model = dig(labels, MODEL_LABEL)
    replicas = one.get("spec", "replicas")
    known = isinstance(replicas, int)
    unavailable = one.get("spec", "strategy", "rollingUpdate", "maxUnavailable")
    recreated = one.get("spec", "strategy", "type") == "Recreate"
    plan = plans_of(after).get(str(model), {})
    return Rollout(
        kind=one.kind,
        namespace=one.namespace,
        name=one.name,
        model=model if isinstance(model, str) else None,
        replicas=replicas if known else None,
        interrupts=recreated or (isinstance(unavailable, int) and unavailable >= replicas) if known else None,
        seconds_to_ready=number_at(plan, "readiness", "total_seconds"),
    )
