"""Fine-tuning jobs for the CDK application: their pods, their nodes, and their plan for people."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct

from ai_on_eks.cli.fine_tune_text import jobs_text
from ai_on_eks.cli.fine_tuning import jobs_body, planned_jobs, unplaced, workloads_of
from ai_on_eks.cli.output import terminal_width
from ai_on_eks.cli.rendering import images_of
from ai_on_eks.errors import NothingFitsError
from ai_on_eks.placement.training_capacity import training_requests
from ai_on_eks.placement.types import CapacityRequest
from ai_on_eks.serving.fine_tune import IMAGE_KEY, TEMPORARY_BYTES, FineTuneWorkload


class DeployedJobs(Struct, frozen=True):
    """What the stacks are given of the jobs. `text` is empty without one."""

    workloads: tuple[FineTuneWorkload, ...] = ()
    requests: tuple[CapacityRequest, ...] = ()
    text: str = ""


def deployed_jobs(folder: Path, platform_file: str | None) -> DeployedJobs:
    """The jobs of a folder that may not be there."""
    files = [str(path) for path in sorted(folder.glob("*.yaml"))]
    if not files:
        return DeployedJobs()
    planned = planned_jobs(files, platform_file, None)
    problems = unplaced(planned)
    if problems:
        raise NothingFitsError(problems)
    workloads = workloads_of(planned)
    image_bytes = images_of(planned.target)[IMAGE_KEY].size_bytes
    return DeployedJobs(
        workloads=workloads,
        requests=training_requests(planned.plans, image_bytes, TEMPORARY_BYTES),
        text=jobs_text(jobs_body(planned), terminal_width(), explained=False),
    )
