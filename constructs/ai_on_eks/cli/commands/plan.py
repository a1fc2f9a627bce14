"""Plan models: which instance type, how many, at what price, and why not the others.

Without --platform the file ./platform.yaml is used, and without that one defaults in us-east-1.
Exit code 3 when a model has no placement; the others are printed all the same.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from ai_on_eks.cli.ageing import today, too_old_warnings
from ai_on_eks.cli.documents.plans import plans_body
from ai_on_eks.cli.documents.snapshots import snapshot_mapping
from ai_on_eks.cli.findings import platform_warnings
from ai_on_eks.cli.loading import LoadedModel, LoadedPlatform
from ai_on_eks.cli.output import document, note, terminal_width, write_json, write_text
from ai_on_eks.cli.planning import load_and_plan
from ai_on_eks.cli.plotting import check_plot_file, write_plot
from ai_on_eks.cli.problems import report
from ai_on_eks.cli.reasons import nothing_fits
from ai_on_eks.cli.rendering import images_of
from ai_on_eks.cli.reservations import now
from ai_on_eks.descriptors.fine_tune_kind import is_fine_tune
from ai_on_eks.descriptors.platform import PlannedEngines
from ai_on_eks.descriptors.schema import Policy
from ai_on_eks.errors import EXIT_DONE, EXIT_NOTHING_FITS
from ai_on_eks.performance.readiness import Readiness
from ai_on_eks.placement.fleet.types import FleetPlan
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.types import ImageReference


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "descriptors", nargs="+", metavar="DESCRIPTOR", help="descriptor of a model, or file of a fine-tuning job"
    )
    parser.add_argument("--platform", metavar="FILE", help="platform file; default: ./platform.yaml")
    parser.add_argument("--region", metavar="REGION", help="plan for this region instead of the platform's")
    parser.add_argument(
        "--policy",
        choices=[policy.value for policy in Policy],
        help="prefer a low price, short requests, many requests or free memory; default: the descriptor's",
    )
    parser.add_argument(
        "--engines",
        choices=[engines.value for engines in PlannedEngines],
        help="choose any engine, or only what a workload is rendered for; default: the platform's, else any",
    )
    parser.add_argument(
        "--plot", metavar="FILE", help="draw the Pareto front of one model's plan; .svg or .png by the file's name"
    )
    parser.add_argument(
        "--plot-by",
        choices=["latency", "throughput"],
        default="latency",
        help="what the plot sets against the price; default: latency",
    )
    parser.add_argument("--explain", action="store_true", help="every memory term, alternative and rejection")


def run(args: Namespace) -> int:
    if any(map(is_fine_tune, args.descriptors)):
        from ai_on_eks.cli.fine_tuning import are_fine_tunes, plan_jobs  # noqa: PLC0415 - models have no use for it

        if are_fine_tunes(args.descriptors):
            return plan_jobs(args)
    if args.plot is not None:
        check_plot_file(args.plot, len(args.descriptors))
    engines = PlannedEngines(args.engines) if args.engines else None
    policy = Policy(args.policy) if args.policy else None
    target, models, fleet = load_and_plan(
        args.descriptors,
        args.platform,
        args.region,
        default_engines=PlannedEngines.ANY,
        engines=engines,
        policy=policy,
        quiet=args.json,
    )
    if args.plot is not None:
        write_plot(args.plot, fleet.plans[0], by_throughput=args.plot_by == "throughput")
    warnings = [
        *platform_warnings(target, now()),
        *too_old_warnings(target.catalog, fleet.plans, today()),
    ]
    images = images_of(target)
    starts = _starts(fleet, target, images) if args.explain else {}
    body = plans_body(fleet, target.catalog, images, starts=starts, terms=args.explain)
    if args.json:
        write_json(document("plan", {**_origin(target), "warnings": warnings, **body}))
    else:
        from ai_on_eks.cli.explanation import plans_text  # noqa: PLC0415 - JSON has no use for it

        note(target.note)
        for warning in warnings:
            note(f"warning: {warning}")
        write_text(plans_text(body, terminal_width(), explained=args.explain))
    return _report_missing(models, fleet.plans, as_json=args.json)


def _starts(fleet: FleetPlan, target: LoadedPlatform, images: Mapping[str, ImageReference]) -> Mapping[str, Readiness]:
    from ai_on_eks.cli.workloads import starts_of  # noqa: PLC0415 - all engines; who asks for no account has no use for it

    return starts_of(fleet.plans, target, images)


def _origin(target: LoadedPlatform) -> dict[str, object]:
    return {
        "region": target.platform.region,
        "platform": {
            "name": target.platform.name,
            "file": target.file,
            "availability_zones": list(target.platform.network.availability_zones),
        },
        "catalog": snapshot_mapping(target.catalog),
    }


def _report_missing(models: tuple[LoadedModel, ...], plans: tuple[Plan, ...], *, as_json: bool) -> int:
    problems = [
        nothing_fits(plan, model.file) for model, plan in zip(models, plans, strict=True) if plan.chosen is None
    ]
    if not problems:
        return EXIT_DONE
    report(problems, as_json=as_json)
    return EXIT_NOTHING_FITS
