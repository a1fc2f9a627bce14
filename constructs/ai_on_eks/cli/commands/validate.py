"""Check everything that can be checked offline: platform and descriptors, each file recognised by what it holds.

Without files: ./platform.yaml and ./models/*.yaml. Exit code 4 for malformed files, all problems of all of them at
once; 1 for findings (unpinned images and weights, prices or catalogue older than 180 days, models that fit nowhere);
0 when clean.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from ai_on_eks.aws.deployable import check_deployable
from ai_on_eks.cli.ageing import today, too_old
from ai_on_eks.cli.findings import (
    unknown_zones,
    unpinned_images,
    unpinned_revisions,
    used_images,
    without_placement,
)
from ai_on_eks.cli.known_names import check_known_names
from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.loading import (
    DEFAULT_PLATFORM_FILE,
    Collector,
    LoadedModel,
    LoadedPlatform,
    load_models,
    load_target_platform,
)
from ai_on_eks.cli.output import counted, document, note, printable, terminal_width, write_json, write_text
from ai_on_eks.cli.planning import fleet_of, with_engines
from ai_on_eks.cli.recognition import Files, recognise
from ai_on_eks.cli.rendering import images_of, images_path
from ai_on_eks.cli.reservations import now, reservation_findings
from ai_on_eks.cli.settings import Setting, descriptor_settings, platform_settings
from ai_on_eks.cli.workloads import workloads_of
from ai_on_eks.descriptors.platform import PlannedEngines
from ai_on_eks.errors import EXIT_DONE, EXIT_FINDINGS, Problem, UsageError
from ai_on_eks.placement.types import Plan
from ai_on_eks.serving.images import PACKAGED_IMAGES
from ai_on_eks.serving.types import ImageReference

MODELS_FOLDER = "models"

SETTING_COLUMNS = (Column("setting"), Column("from"), Column("value"), Column("meaning"))


class Checked(Struct, frozen=True):
    """Everything that loaded."""

    target: LoadedPlatform
    models: tuple[LoadedModel, ...]
    plans: tuple[Plan, ...]
    used: tuple[ImageReference, ...]
    images_file: str


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="platform file, descriptors")
    parser.add_argument(
        "--explain", action="store_true", help="every setting with its value, where it comes from and what it means"
    )


def run(args: Namespace) -> int:
    checked = _load(args.files or _default_files())
    findings = _findings(checked)
    settings = _settings(checked) if args.explain else {}
    if args.json:
        write_json(document("validate", _body(checked, findings, settings, explain=args.explain)))
    else:
        _print(checked, findings, settings)
    return EXIT_FINDINGS if findings else EXIT_DONE


def _default_files() -> list[str]:
    platform = [DEFAULT_PLATFORM_FILE] if Path(DEFAULT_PLATFORM_FILE).exists() else []
    files = [*platform, *(str(path) for path in sorted(Path(MODELS_FOLDER).glob("*.yaml")))]
    if not files:
        raise UsageError(
            Problem(
                code="nothing-to-validate",
                message=f"there is no {DEFAULT_PLATFORM_FILE} and no {MODELS_FOLDER}/*.yaml here",
                fix="name the files to validate",
            )
        )
    return files


def _load(files: Sequence[str]) -> Checked:
    """Everything, or all problems of all files; workloads are built for their checks alone."""
    collector = Collector()
    found: Files = recognise(files, collector)
    target = load_target_platform(found.platform, None, collector)
    models = load_models(found.descriptors, collector)
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
    plans = fleet_of(models, planned).plans
    workloads = workloads_of(models, plans, planned, images)
    used = used_images(images, [workload.pod_spec for workload in workloads]) if models else images.values()
    return Checked(planned, models, plans, tuple(used), images_file)


def _findings(checked: Checked) -> list[Problem]:
    return [
        *unknown_zones(checked.target),
        *reservation_findings(checked.target, now()),
        *without_placement(checked.models, checked.plans),
        *unpinned_revisions(checked.models),
        *unpinned_images(checked.used, checked.images_file),
        *too_old(checked.target.catalog, checked.plans, today()),
    ]


def _settings(checked: Checked) -> dict[str, tuple[Setting, ...]]:
    name = checked.target.file or "platform (defaults)"
    return {
        name: platform_settings(checked.target.platform, checked.target.file),
        **{model.file: descriptor_settings(model) for model in checked.models},
    }


def _body(
    checked: Checked, findings: Sequence[Problem], settings: Mapping[str, Sequence[Setting]], *, explain: bool
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "platform": checked.target.file,
        "region": checked.target.platform.region,
        "descriptors": [model.file for model in checked.models],
        "images": checked.images_file,
        "findings": [finding.as_json() for finding in findings],
    }
    if explain:
        body["settings"] = {file: [asdict(one) for one in rows] for file, rows in settings.items()}
    return body


def _print(checked: Checked, findings: Sequence[Problem], settings: Mapping[str, Sequence[Setting]]) -> None:
    note(checked.target.note)
    for file, rows in settings.items():
        cells = [(one.path, one.origin, _value_text(one.value), one.description) for one in rows]
        write_text(f"{file}\n{table(SETTING_COLUMNS, cells, terminal_width())}\n")
    for finding in findings:
        write_text(printable(str(finding)).replace(f"error[{finding.code}]", f"finding[{finding.code}]", 1))
    files = counted(len(checked.models) + (checked.target.file is not None), "well-formed file")
    note(f"{files}, {counted(len(findings), 'finding')}")


def _value_text(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != {} else "none"
