"""One HTML page about the fleet: its bill, each model's memory, what else would do and why not, time to the first
answer, and the architecture as it was synthesized. The page loads nothing and can be sent as a file.

Without files: ./platform.yaml and ./models/*.yaml. The platform's part of the bill and the architecture come from
--synthesized, a folder in which `make synth` has run.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from ai_on_eks.cli.ageing import today
from ai_on_eks.cli.checked import default_files
from ai_on_eks.cli.documents.plans import plans_body
from ai_on_eks.cli.loading import Collector, LoadedPlatform
from ai_on_eks.cli.output import counted, document, note, write_json, write_text
from ai_on_eks.cli.planning import load_and_plan
from ai_on_eks.cli.progress import progress
from ai_on_eks.cli.recognition import recognise
from ai_on_eks.cli.rendering import images_of
from ai_on_eks.cli.report.architecture import architecture_section
from ai_on_eks.cli.report.bill import bill_section
from ai_on_eks.cli.report.fronts import fronts_section
from ai_on_eks.cli.report.html import dollars
from ai_on_eks.cli.report.memory import memory_section
from ai_on_eks.cli.report.page import page
from ai_on_eks.cli.report.rejections import rejections_section
from ai_on_eks.cli.report.waterfall import waterfall_section
from ai_on_eks.cli.workloads import starts_of
from ai_on_eks.cli.writing import written_to
from ai_on_eks.errors import EXIT_DONE
from ai_on_eks.files import write_file_atomically
from ai_on_eks.placement.fleet.types import FleetPlan
from ai_on_eks.review.cost import bill
from ai_on_eks.review.plans import part, plans_of
from ai_on_eks.review.rules.assembly import Assembly
from ai_on_eks.review.side import CLOUD_ASSEMBLY, Side, read_side
from ai_on_eks.review.tree import read_stacks

DEFAULT_OUTPUT = "report.html"

STALE = (
    "what lies in {folder} was synthesized from other plans: its part of the report is older than the rest; "
    "make synth renews it"
)


class Drawn(Struct, frozen=True):
    """The page, and what is told of it. warning: empty where there is none."""

    text: str
    models: str
    warning: str
    names: tuple[str, ...]


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="platform file, descriptors")
    parser.add_argument(
        "-o", "--output", metavar="FILE", default=DEFAULT_OUTPUT, help=f"page to write; default: {DEFAULT_OUTPUT}"
    )
    parser.add_argument(
        "--synthesized", metavar="DIR", default=".", help="project folder that was synthesized; default: ."
    )


def run(args: Namespace) -> int:
    collector = Collector()
    found = recognise(args.files or default_files(), collector)
    collector.finish()
    target, _models, fleet = load_and_plan(found.descriptors, found.platform, None, quiet=args.json)
    with progress("drawing", 1, quiet=args.json):
        drawn = _drawn(Path(args.synthesized), target, fleet)
    with written_to(args.output):
        write_file_atomically(Path(args.output), drawn.text)
    if args.json:
        write_json(document("report", _body(args.output, drawn)))
        return EXIT_DONE
    if drawn.warning:
        note(f"warning: {drawn.warning}")
    write_text(f"{args.output}: {drawn.models}, {len(drawn.text.encode()) / 1e6:.1f} MB")
    return EXIT_DONE


def _drawn(folder: Path, target: LoadedPlatform, fleet: FleetPlan) -> Drawn:
    images = images_of(target)
    body = plans_body(fleet, target.catalog, images)
    then = read_side(folder) if (folder / CLOUD_ASSEMBLY).is_dir() else None
    now = _now(then, body, target.platform.region)
    costs = bill(now, today())
    name, region = target.platform.name, target.platform.region
    models = counted(len(fleet.plans), "model")
    warning = STALE.format(folder=folder) if then is not None and _is_stale(then, now) else ""
    summary = f"{models} in {region}: {dollars(costs.known_usd)} a month. {warning}"
    text = page(
        f"{name}: the fleet",
        summary.strip(),
        [
            bill_section(costs, has_platform=then is not None),
            memory_section(fleet.plans),
            fronts_section(fleet.plans),
            waterfall_section(fleet.plans, starts_of(fleet.plans, target, images)),
            architecture_section(read_stacks(folder)),
            rejections_section(fleet.plans),
        ],
    )
    return Drawn(text, models, warning, tuple(plan["model"] for plan in body["plans"]))


def _now(then: Side | None, body: dict[str, Any], region: str) -> Side:
    """What was synthesized, with the plans of now; the plans alone where nothing was."""
    if then is None:
        return Side(templates={}, assembly=Assembly(), rendered=None, violations=None, plan=body, region=region)
    return replace(then, plan=body)


def _is_stale(then: Side, now: Side) -> bool:
    """Whether the synthesis placed any model elsewhere; one that wrote no plan cannot be told to have."""
    return then.plan is not None and _places(then) != _places(now)


def _places(side: Side) -> dict[str, tuple[Any, Any]]:
    plans = plans_of(side).items()
    return {model: (part(plan, "chosen", "instance_type"), part(plan, "chosen", "nodes")) for model, plan in plans}


def _body(output: str, drawn: Drawn) -> dict[str, Any]:
    return {
        "file": output,
        "size_bytes": len(drawn.text.encode()),
        "warnings": [drawn.warning] if drawn.warning else [],
        "models": list(drawn.names),
    }
