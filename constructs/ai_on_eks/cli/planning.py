"""From file names to plans: what `plan`, `render` and `validate` have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from ai_on_eks.cli.known_names import check_known_names
from ai_on_eks.cli.loading import Collector, LoadedModel, LoadedPlatform, load_models, load_target_platform
from ai_on_eks.cli.progress import progress, unseen
from ai_on_eks.descriptors.platform import PlannedEngines
from ai_on_eks.descriptors.schema import Policy
from ai_on_eks.placement.fleet.planning import plan_fleet
from ai_on_eks.placement.fleet.types import FleetPlan
from ai_on_eks.placement.planning import plan_model
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.weight_volumes import with_lustre_shape


def load_and_plan(
    descriptors: Sequence[str],
    platform_file: str | None,
    region: str | None,
    *,
    default_engines: PlannedEngines = PlannedEngines.RENDERED,
    engines: PlannedEngines | None = None,
    policy: Policy | None = None,
    quiet: bool = False,
) -> tuple[LoadedPlatform, tuple[LoadedModel, ...], FleetPlan]:
    """Everything read and planned, or all problems of all files.

    `engines` and `policy` replace what the files say, `default_engines` stands in where the platform file says nothing.
    `quiet` shows no progress.
    """
    collector = Collector()
    with progress("planning", planning_steps(descriptors), quiet=quiet) as move_on:
        target = load_target_platform(platform_file, region, collector)
        models = load_models(descriptors, collector, move_on=move_on)
        check_known_names(models, target, collector)
        collector.finish()
        if target is None:
            raise AssertionError("a platform that did not load has left a problem")
        target = with_engines(target, engines or target.platform.engines or default_engines)
        fleet = fleet_of(models, target, policy, move_on=move_on)
    return replace(target, platform=with_lustre_shape(target.platform, fleet.plans)), models, fleet


def with_engines(target: LoadedPlatform, engines: PlannedEngines) -> LoadedPlatform:
    """The platform, planning these engines whatever its file says."""
    return replace(target, platform=target.platform.model_copy(update={"engines": engines}))


def planning_steps(descriptors: Sequence[str]) -> int:
    """Of its progress: each file is read, each model planned, and then all are put together."""
    return 2 * len(descriptors) + 1


def fleet_of(
    models: Sequence[LoadedModel],
    target: LoadedPlatform,
    policy: Policy | None = None,
    *,
    move_on: Callable[[], object] = unseen,
) -> FleetPlan:
    """One plan a model, in the order given, put together on nodes that they share. `move_on` is called after each."""

    def planned(model: LoadedModel) -> Plan:
        return plan_model(model.descriptor, model.inventory, target.catalog, target.platform, policy=policy)

    plans = []
    for model in models:
        plans.append(replace(planned(model), variants=tuple(planned(one) for one in model.variants)))
        move_on()
    return plan_fleet(plans, target.platform, target.catalog)
