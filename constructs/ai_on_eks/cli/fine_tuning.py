"""`plan` and `render` of fine-tuning jobs: read, planned, told, written."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from ai_on_eks.cli.fine_tune_text import jobs_text
from ai_on_eks.cli.loading import Collector, LoadedPlatform, load_target_platform, located
from ai_on_eks.cli.output import document, note, terminal_width, write_json, write_text
from ai_on_eks.cli.problems import report
from ai_on_eks.cli.progress import progress, unseen
from ai_on_eks.cli.rendering import addresses_of, images_of
from ai_on_eks.cli.writing import written_to
from ai_on_eks.descriptors.fine_tune_kind import is_fine_tune
from ai_on_eks.descriptors.fine_tune_loading import LoadedJob, load_fine_tune
from ai_on_eks.errors import EXIT_DONE, EXIT_NOTHING_FITS, NothingFitsError, Problem, UsageError
from ai_on_eks.files import replace_folder_atomically
from ai_on_eks.placement.training import TrainingPlacement, TrainingPlan, TrainingRejection, plan_training
from ai_on_eks.serving.fine_tune import FineTuneWorkload, build_fine_tune, nothing_trains
from ai_on_eks.serving.job_storage import job_storage_problems


class PlannedJobs(Struct, frozen=True):
    """What was read, and what came of it."""

    target: LoadedPlatform
    jobs: tuple[LoadedJob, ...]
    plans: tuple[TrainingPlan, ...]


def are_fine_tunes(files: Sequence[str]) -> bool:
    """Whether the files are jobs; some of each kind are told as such."""
    found = [is_fine_tune(file) for file in files]
    if any(found) and not all(found):
        raise UsageError(
            Problem(
                code="kinds-mixed",
                message="fine-tuning jobs and models are planned apart: they never share nodes",
                file=files[found.index(False)],
                fix="name the files of one kind",
            )
        )
    return all(found)


def plan_jobs(args: Namespace) -> int:
    """Tell where the jobs run. Exit code 3 when one has no placement."""
    planned = planned_jobs(args.descriptors, args.platform, args.region, quiet=args.json)
    body = jobs_body(planned)
    if args.json:
        write_json(document("plan-jobs", body))
    else:
        note(planned.target.note)
        write_text(jobs_text(body, terminal_width(), explained=args.explain))
    problems = unplaced(planned)
    if problems:
        report(problems, as_json=args.json)
    return EXIT_NOTHING_FITS if problems else EXIT_DONE


def render_jobs(args: Namespace) -> int:
    """Write the jobs' objects and their queues into a folder, all of them or none."""
    planned = planned_jobs(args.descriptors, args.platform, args.region, quiet=args.json)
    problems = unplaced(planned)
    if problems:
        raise NothingFitsError(problems)
    workloads = workloads_of(planned)
    files = _render(workloads, planned.target)
    warnings = tuple(dict.fromkeys(f"{one.name}: {text}" for one in workloads for text in one.warnings))
    with written_to(args.output):
        replace_folder_atomically(Path(args.output), files)
    if args.json:
        write_json(document("render-jobs", {"folder": args.output, "files": list(files), "warnings": list(warnings)}))
        return EXIT_DONE
    note(planned.target.note)
    for warning in warnings:
        note(f"warning: {warning}")
    write_text("\n".join(str(Path(args.output) / name) for name in files))
    return EXIT_DONE


def jobs_body(planned: PlannedJobs) -> dict[str, Any]:
    """What `plan --json` prints of jobs."""
    return {"region": planned.target.platform.region, "jobs": [_job(plan) for plan in planned.plans]}


def workloads_of(planned: PlannedJobs) -> tuple[FineTuneWorkload, ...]:
    """One for each job, or all problems of all jobs."""
    collector, images = Collector(), images_of(planned.target)
    found = [
        collector.attempt(
            loaded.file,
            lambda plan=plan, loaded=loaded: build_fine_tune(  # type: ignore[misc]
                plan, loaded.descriptor, planned.target.platform, images
            ),
        )
        for loaded, plan in zip(planned.jobs, planned.plans, strict=True)
    ]
    collector.finish()
    return tuple(one for one in found if one is not None)


def planned_jobs(
    files: Sequence[str], platform_file: str | None, region: str | None, *, quiet: bool = False
) -> PlannedJobs:
    """Everything read and planned, or all problems of all files. `quiet` shows no progress."""
    collector = Collector()
    with progress("planning", 2 * len(files), quiet=quiet) as move_on:
        target = load_target_platform(platform_file, region, collector)
        jobs = load_jobs(files, target, collector, move_on=move_on)
        collector.finish()
        if target is None:
            raise AssertionError("a platform that did not load has left a problem")
        return plan_loaded(jobs, target, move_on=move_on)


def load_jobs(
    files: Sequence[str],
    target: LoadedPlatform | None,
    collector: Collector,
    *,
    move_on: Callable[[], object] = unseen,
) -> tuple[LoadedJob, ...]:
    """The jobs that load; the others have left their problems, and so has what the platform lacks for them."""
    jobs: list[LoadedJob] = []
    for file in files:
        job = collector.attempt(file, lambda file=file: load_fine_tune(Path(file)))  # type: ignore[misc]
        jobs += [] if job is None else [job]
        move_on()
    collector.problems += _duplicates(jobs)
    collector.problems += () if target is None else _storage(jobs, target)
    return tuple(jobs)


def plan_loaded(
    jobs: Sequence[LoadedJob], target: LoadedPlatform, *, move_on: Callable[[], object] = unseen
) -> PlannedJobs:
    """Where each of them runs, if anywhere."""
    plans = []
    for one in jobs:
        plans.append(plan_training(one.job, one.inventory, target.catalog, target.platform))
        move_on()
    return PlannedJobs(target, tuple(jobs), tuple(plans))


def placed(planned: PlannedJobs) -> PlannedJobs:
    """Those alone that have a placement."""
    pairs = [pair for pair in zip(planned.jobs, planned.plans, strict=True) if pair[1].chosen is not None]
    return PlannedJobs(planned.target, tuple(job for job, _ in pairs), tuple(plan for _, plan in pairs))


def unplaced(planned: PlannedJobs) -> list[Problem]:
    """The jobs without a placement, with what came nearest."""
    return [
        located(nothing_trains(plan), loaded.file)
        for loaded, plan in zip(planned.jobs, planned.plans, strict=True)
        if plan.chosen is None
    ]


def _render(workloads: Sequence[FineTuneWorkload], target: LoadedPlatform) -> dict[str, str]:
    from ai_on_eks.kube.fine_tune import render_fine_tunes  # noqa: PLC0415 - plans have no use for it

    return render_fine_tunes(workloads, target.platform, addresses_of(target))


def _storage(jobs: Sequence[LoadedJob], target: LoadedPlatform) -> list[Problem]:
    return [
        located(problem, one.file)
        for one in jobs
        for problem in job_storage_problems(one.job, one.inventory, target.platform)
    ]


def _duplicates(jobs: Sequence[LoadedJob]) -> list[Problem]:
    names = [one.job.name for one in jobs]
    return [
        Problem(
            code="duplicate-job-name",
            message="two jobs have this name",
            file=one.file,
            path="name",
            value=one.job.name,
            fix="give each job a name of its own",
        )
        for index, one in enumerate(jobs)
        if one.job.name in names[:index]
    ]


def _job(plan: TrainingPlan) -> dict[str, Any]:
    return {
        "job": plan.job.name,
        "method": plan.job.method.value,
        "parameters": plan.inventory.parameters,
        "chosen": None if plan.chosen is None else _placement(plan.chosen),
        "alternatives": [_placement(one) for one in plan.accepted[1:]],
        "rejected": [_rejection(one) for one in plan.rejected],
    }


def _placement(one: TrainingPlacement) -> dict[str, Any]:
    memory = one.memory
    return {
        "instance_type": one.instance_type.name,
        "nodes": one.nodes,
        "accelerators": one.ranks,
        "zones": list(one.zones),
        "trained_parameters": memory.trained_parameters,
        "rank_bytes": memory.rank_bytes,
        "headroom_bytes": one.headroom_bytes,
        "host_bytes": memory.host_bytes,
        "disk_bytes": memory.disk_bytes,
        "gradient_accumulation": one.accumulation,
        "usd_per_hour": one.usd_per_hour,
        "hours": one.hours,
        "usd": one.usd,
        "terms": [
            {"name": term.name, "bytes": term.value_bytes, "formula": term.formula, "source": term.source}
            for term in memory.terms
        ],
    }


def _rejection(one: TrainingRejection) -> dict[str, Any]:
    words = one.violation.words
    return {
        "instance_type": one.instance_type,
        "nodes": one.nodes or None,
        "rule": one.rule,
        "reason": words.reason,
        "shortfall": words.shortfall,
        "fix": words.fix,
    }
