"""From plans to workloads: what `render`, `validate` and the CDK application have in common.

Apart from `cli.planning`, because a plan needs no workload until it is explained, and would pay for its modules at
every start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from ai_on_eks.cli.loading import Collector, LoadedModel, LoadedPlatform
from ai_on_eks.errors import InputError
from ai_on_eks.performance.readiness import Readiness
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import ImageReference, Workload
from ai_on_eks.serving.workload import build_workload


def workloads_of(
    models: Sequence[LoadedModel],
    plans: Sequence[Plan],
    target: LoadedPlatform,
    images: Mapping[str, ImageReference],
) -> tuple[Workload, ...]:
    """One workload for each plan that chose a placement, or all problems of all models with file and line."""
    collector = Collector()
    workloads = [
        collector.attempt(model.file, lambda plan=plan: build_workload(plan, target.platform, images))  # type: ignore[misc]
        for model, plan in zip(models, plans, strict=True)
        if plan.chosen is not None
    ]
    collector.finish()
    return tuple(workload for workload in workloads if workload is not None)


def starts_of(
    plans: Sequence[Plan], target: LoadedPlatform, images: Mapping[str, ImageReference]
) -> dict[str, Readiness]:
    """By model, what its replicas take from the start of a new node to their first answer; without the models that no
    workload can be made of, because only the engine's part of it knows."""
    found: dict[str, Readiness] = {}
    for plan in plans:
        with suppress(InputError):
            start = None if plan.chosen is None else build_workload(plan, target.platform, images).start
            if start is not None:
                found[plan.descriptor.name] = start
    return found
