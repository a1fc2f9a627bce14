"""Planted faults: one change each to a good sample, and the code that has to be told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import review_samples as samples
from msgspec import Struct
from review_sample import Json, Sample

GONE = object()
"""As a value: remove the key."""


class Fault(Struct, frozen=True):
    code: str
    name: str
    sample: Callable[[], Sample]
    plant: Callable[[Sample], None]

    def __str__(self) -> str:
        return f"{self.code}: {self.name}"


def put(target: Any, path: str | tuple[Any, ...], value: Any) -> None:
    """Set or remove what lies at a dotted path; numbers are positions in lists."""
    steps = path if isinstance(path, tuple) else tuple(int(s) if s.isdigit() else s for s in path.split("."))
    for step in steps[:-1]:
        target = target.setdefault(step, {}) if isinstance(target, dict) else target[step]
    if value is GONE:
        del target[steps[-1]]
    elif isinstance(target, list) and steps[-1] == len(target):
        target.append(value)
    else:
        target[steps[-1]] = value


def changed(
    code: str, type_: str, path: str, *values: Any, sample: Callable[[], Sample] = samples.ours, name: str | None = None
) -> list[Fault]:
    """One fault for each value at a path of a resource."""

    def plant(value: Any) -> Callable[[Sample], None]:
        return lambda good: put(good.resource(type_, name), path, value)

    return [
        Fault(code, f"{type_} {path} = {'nothing' if value is GONE else value}", sample, plant(value))
        for value in values
    ]


def added(code: str, sample: Callable[[], Sample], name: str, **resources: Json) -> Fault:
    """A fault by more resources."""

    def plant(good: Sample) -> None:
        next(iter(good.templates.values()))["Resources"].update(resources)

    return Fault(code, name, sample, plant)


def in_object(
    code: str, kind: str, path: str | tuple[Any, ...], *values: Any,
    sample: Callable[[], Sample] = samples.ours, name: str | None = None,
) -> list[Fault]:  # fmt: skip
    """One fault for each value at a path of a Kubernetes object."""

    def plant(value: Any) -> Callable[[Sample], None]:
        return lambda good: put(good.object(kind, name), path, value)

    return [
        Fault(code, f"{kind} {path} = {'nothing' if value is GONE else value}", sample, plant(value))
        for value in values
    ]


def in_pod(code: str, path: str, *values: Any) -> list[Fault]:
    """One fault for each value at a path of the pod of one of our models, which has four GPUs."""
    whole = f"spec.template.spec.{path}"
    return in_object(code, "Deployment", whole, *values, name="llama-3-3-70b-instruct")


def without(type_: str, name: str | None = None) -> Any:
    """Removes a resource."""

    def plant(good: Sample) -> None:
        found = good.resource(type_, name)
        for template in good.templates.values():
            template["Resources"] = {k: r for k, r in template["Resources"].items() if r is not found}

    return plant
