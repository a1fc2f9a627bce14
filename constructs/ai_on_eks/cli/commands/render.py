"""Write the Kubernetes manifests of the models and of the platform into a folder, all of them or none.

Needs the optional dependencies `ai-on-eks[kubernetes]` and Node.js 22 or 24.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from ai_on_eks.cli.ageing import today, too_old_warnings
from ai_on_eks.cli.findings import platform_warnings
from ai_on_eks.cli.loading import LoadedModel, LoadedPlatform
from ai_on_eks.cli.output import document, note, write_json, write_text
from ai_on_eks.cli.planning import load_and_plan
from ai_on_eks.cli.progress import progress
from ai_on_eks.cli.reasons import nothing_fits
from ai_on_eks.cli.rendering import addresses_of, images_of, render_files
from ai_on_eks.cli.reservations import now
from ai_on_eks.cli.workloads import workloads_of
from ai_on_eks.cli.writing import written_to
from ai_on_eks.descriptors.fine_tune_kind import is_fine_tune
from ai_on_eks.errors import EXIT_DONE, NothingFitsError
from ai_on_eks.files import replace_folder_atomically
from ai_on_eks.placement.types import Plan


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "descriptors", nargs="+", metavar="DESCRIPTOR", help="descriptor of a model, or file of a fine-tuning job"
    )
    parser.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to replace with the manifests")
    parser.add_argument("--platform", metavar="FILE", help="platform file; default: ./platform.yaml")
    parser.add_argument("--region", metavar="REGION", help="plan for this region instead of the platform's")


def run(args: Namespace) -> int:
    if any(map(is_fine_tune, args.descriptors)):
        from ai_on_eks.cli.fine_tuning import are_fine_tunes, render_jobs  # noqa: PLC0415 - models have no use for it

        if are_fine_tunes(args.descriptors):
            return render_jobs(args)
    target, models, fleet = load_and_plan(args.descriptors, args.platform, args.region, quiet=args.json)
    plans = fleet.plans
    _refuse_missing(models, plans)
    with progress("rendering", 1, quiet=args.json):
        files, warnings = _render(target, models, plans)
    told = platform_warnings(target, now())
    warnings = (*told, *too_old_warnings(target.catalog, plans, today()), *warnings)
    with written_to(args.output):
        replace_folder_atomically(Path(args.output), files)
    if args.json:
        write_json(document("render", _body(args.output, files, warnings)))
        return EXIT_DONE
    note(target.note)
    for warning in warnings:
        note(f"warning: {warning}")
    write_text("\n".join(str(Path(args.output) / name) for name in files))
    return EXIT_DONE


def _refuse_missing(models: Sequence[LoadedModel], plans: Sequence[Plan]) -> None:
    problems = [
        nothing_fits(plan, model.file) for model, plan in zip(models, plans, strict=True) if plan.chosen is None
    ]
    if problems:
        raise NothingFitsError(problems)


def _render(
    target: LoadedPlatform, models: Sequence[LoadedModel], plans: Sequence[Plan]
) -> tuple[dict[str, str], tuple[str, ...]]:
    images = images_of(target)
    workloads = workloads_of(models, plans, target, images)
    texts = (
        f"{name}: {text}"
        for name, lines in (
            *((plan.descriptor.name, plan.warnings) for plan in plans),
            *((workload.name, workload.warnings) for workload in workloads),
        )
        for text in lines
    )
    return render_files(workloads, target.platform, addresses_of(target)), tuple(dict.fromkeys(texts))


def _body(folder: str, files: dict[str, str], warnings: Sequence[str]) -> dict[str, Any]:
    listing = [
        {"name": name, "size_bytes": len(data), "sha256": sha256(data).hexdigest()}
        for name, data in ((name, text.encode()) for name, text in files.items())
    ]
    return {"folder": folder, "files": listing, "warnings": list(warnings)}
