"""A project's files, loaded and planned for their checks: what `validate` and `doctor` judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from ai_on_eks.aws.deployable import check_deployable
from ai_on_eks.cli.findings import used_images
from ai_on_eks.cli.fine_tuning import PlannedJobs, load_jobs, placed, plan_loaded
from ai_on_eks.cli.fine_tuning import workloads_of as job_workloads_of
from ai_on_eks.cli.known_names import check_known_names
from ai_on_eks.cli.loading import (
    DEFAULT_PLATFORM_FILE,
    Collector,
    LoadedModel,
    LoadedPlatform,
    load_models,
    load_target_platform,
)
from ai_on_eks.cli.planning import fleet_of, planning_steps, with_engines
from ai_on_eks.cli.progress import progress
from ai_on_eks.cli.recognition import Files, recognise
from ai_on_eks.cli.rendering import images_of, images_path
from ai_on_eks.cli.workloads import workloads_of
from ai_on_eks.descriptors.fine_tune_kind import is_fine_tune
from ai_on_eks.descriptors.platform import PlannedEngines
from ai_on_eks.errors import Problem, UsageError
from ai_on_eks.placement.fleet.types import FleetPlan
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.images import PACKAGED_IMAGES
from ai_on_eks.serving.types import ImageReference, Workload

MODELS_FOLDER, JOBS_FOLDER = "models", "jobs"


class Checked(Struct, frozen=True):
    """Everything that loaded."""

    target: LoadedPlatform
    models: tuple[LoadedModel, ...]
    fleet: FleetPlan
    workloads: tuple[Workload, ...]
    used: tuple[ImageReference, ...]
    images: Mapping[str, ImageReference]
    images_file: str
    jobs: PlannedJobs

    @property
    def plans(self) -> tuple[Plan, ...]:
        """One for each model, in the order of `models`."""
        return self.fleet.plans


def default_files() -> list[str]:
    """The platform file and the descriptors of a project folder, seen from inside it."""
    platform = [DEFAULT_PLATFORM_FILE] if Path(DEFAULT_PLATFORM_FILE).exists() else []
    files = [*platform, *_yaml_files(MODELS_FOLDER)]
    if not files:
        raise UsageError(
            Problem(
                code="nothing-to-validate",
                message=f"there is no {DEFAULT_PLATFORM_FILE} and no {MODELS_FOLDER}/*.yaml here",
                fix="name the files to validate",
            )
        )
    return files


def project_files() -> list[str]:
    """The same, and the fine-tuning jobs."""
    return [*default_files(), *_yaml_files(JOBS_FOLDER)]


def _yaml_files(folder: str) -> list[str]:
    return [str(path) for path in sorted(Path(folder).glob("*.yaml"))]


def load_checked(files: Sequence[str], *, quiet: bool = False) -> Checked:
    """Everything, or all problems of all files; workloads are built for their checks alone. `quiet` shows
    no progress."""
    collector = Collector()
    found = recognise(files, collector)
    with progress("checking", planning_steps(found.descriptors), quiet=quiet) as move_on:
        return _checked(found, collector, move_on)


def _checked(found: Files, collector: Collector, move_on: Callable[[], object]) -> Checked:
    target = load_target_platform(found.platform, None, collector)
    job_files = [file for file in found.descriptors if is_fine_tune(file)]
    model_files = [file for file in found.descriptors if file not in job_files]
    models = load_models(model_files, collector, move_on=move_on)
    jobs = load_jobs(job_files, target, collector, move_on=move_on)
    check_known_names(models, target, collector)
    if target is not None:
        platform = target.platform
        collector.attempt(target.file, lambda: check_deployable(platform))
    own = images_path(target) if target is not None else None
    images_file = str(own or PACKAGED_IMAGES)
    images = collector.attempt(images_file, lambda: images_of(target)) if target is not None else None
    collector.finish()
    if target is None or images is None:
        raise AssertionError("what did not load has left a problem")
    planned = with_engines(target, target.platform.engines or PlannedEngines.RENDERED)
    fleet = fleet_of(models, planned, move_on=move_on)
    workloads = workloads_of(models, fleet.plans, planned, images)
    planned_jobs = plan_loaded(jobs, planned, move_on=move_on)
    pods = [job.pod_spec for job in job_workloads_of(placed(planned_jobs))]
    used = used_images(images, workloads, pods) if models or jobs else images.values()
    return Checked(planned, models, fleet, workloads, tuple(used), images, images_file, planned_jobs)
