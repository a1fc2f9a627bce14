"""Names that only the catalogue can judge: what a file calls an accelerator, an instance family or an instance type.

A misspelt name in a constraint matches nothing. Beside a right one it would be dropped without a word, and alone it
would end as "nothing fits", far from the letter that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ai_on_eks.catalog.loading import Catalog
from ai_on_eks.cli.loading import Collector, LoadedModel, LoadedPlatform
from ai_on_eks.cli.suggestions import closest_fix
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.schema import Constraints
from ai_on_eks.errors import InputError, Problem

CPU = "cpu"
"""What `constraints.accelerators` calls a node without one."""


def check_known_names(models: Sequence[LoadedModel], target: LoadedPlatform | None, collector: Collector) -> None:
    """Leave a problem for every name that the catalogue does not know; nothing where the platform did not load."""
    if target is None:
        return
    for model in models:
        found = tuple(_constraint_problems(model.descriptor.constraints, target.catalog))
        collector.attempt(model.file, lambda found=found: _raise(found))  # type: ignore[misc]
    found = tuple(_platform_problems(target.platform, target.catalog))
    collector.attempt(target.file, lambda: _raise(found))


def _constraint_problems(constraints: Constraints, catalog: Catalog) -> Iterator[Problem]:
    accelerators = (CPU, *catalog.accelerators)
    families = sorted({known.family for known in catalog.instance_types.values()})
    for i, name in enumerate(constraints.accelerators):
        if name not in accelerators:
            yield _unknown_accelerator(f"constraints.accelerators[{i}]", name, accelerators)
    for i, name in enumerate(constraints.instance_families):
        if name not in families:
            yield _unknown_family(f"constraints.instance_families[{i}]", name, families)
    for i, name in enumerate(constraints.engines):
        if name not in catalog.engines:
            yield _unknown_engine(f"constraints.engines[{i}]", name, catalog.engines)
    yield from _contradictions(constraints, catalog)


def _contradictions(constraints: Constraints, catalog: Catalog) -> Iterator[Problem]:
    """Accelerators that no type of the families has: each list alone is right, together they allow nothing."""
    wanted, families = set(constraints.accelerators), set(constraints.instance_families)
    types = catalog.instance_types.values()
    offered = {known.accelerator.name if known.accelerator else CPU for known in types if known.family in families}
    known = {one.accelerator.name if one.accelerator else CPU for one in types}
    if not wanted or not offered or not wanted <= known or wanted & offered:
        return
    homes = sorted({one.family for one in types if (one.accelerator.name if one.accelerator else CPU) in wanted})
    yield Problem(
        code="contradiction",
        message=f"no type of {', '.join(sorted(families))} has {' or '.join(sorted(wanted))}",
        path="constraints.accelerators",
        value=list(constraints.accelerators),
        allowed=tuple(sorted(offered)),
        fix=f"write one of the allowed accelerators, or a family that has it: {', '.join(homes)}",
    )


def _platform_problems(platform: Platform, catalog: Catalog) -> Iterator[Problem]:
    named = {"capacity.system_nodes.instance_type": platform.capacity.system_nodes.instance_type}
    for index, reservation in enumerate(platform.capacity.reservations):
        named[f"capacity.reservations[{index}].instance_type"] = reservation.instance_type
    for path, name in named.items():
        if name not in catalog.instance_types:
            yield Problem(
                code="unknown-instance-type",
                message=f"the catalogue knows no instance type '{name}'",
                path=path,
                value=name,
                fix=closest_fix(name, catalog.instance_types) or "name one that `ai-on-eks catalog list` shows",
            )


def _unknown_accelerator(path: str, name: str, known: Iterable[str]) -> Problem:
    names = tuple(known)
    fix = closest_fix(name, names) or "name one of the allowed accelerators"
    message = f"the catalogue knows no accelerator '{name}'"
    return Problem("unknown-accelerator", message, path=path, value=name, allowed=names, fix=fix)


def _unknown_family(path: str, name: str, known: Iterable[str]) -> Problem:
    names = tuple(known)
    fix = closest_fix(name, names) or "name one of the allowed families"
    message = f"the catalogue knows no instance family '{name}'"
    return Problem("unknown-instance-family", message, path=path, value=name, allowed=names, fix=fix)


def _unknown_engine(path: str, name: str, known: Iterable[str]) -> Problem:
    names = tuple(known)
    fix = closest_fix(name, names) or "name one of the allowed engines"
    message = f"the catalogue knows no engine '{name}'"
    return Problem("unknown-engine", message, path=path, value=name, allowed=names, fix=fix)


def _raise(problems: Sequence[Problem]) -> None:
    if problems:
        raise InputError(problems)
