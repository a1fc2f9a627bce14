"""From file names to plans: what `plan`, `render` and `validate` have in common."""

from __future__ import annotations

from collections.abc import Sequence

from ai_on_eks.cli.known_names import check_known_names
from ai_on_eks.cli.loading import Collector, LoadedModel, LoadedPlatform, load_models, load_target_platform
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan


def load_and_plan(
    descriptors: Sequence[str], platform_file: str | None, region: str | None
) -> tuple[LoadedPlatform, tuple[LoadedModel, ...], tuple[Plan, ...]]:
    """Everything read and planned, or all problems of all files."""
    collector = Collector()
    target = load_target_platform(platform_file, region, collector)
    models = load_models(descriptors, collector)
    check_known_names(models, target, collector)
    collector.finish()
    if target is None:
        raise AssertionError("a platform that did not load has left a problem")
    return target, models, plans_of(models, target)


def plans_of(models: Sequence[LoadedModel], target: LoadedPlatform) -> tuple[Plan, ...]:
    """One plan a model, in the order given."""
    return tuple(plan_model(model.descriptor, model.inventory, target.catalog, target.platform) for model in models)
