"""Check everything that can be checked offline: platform, models' descriptors and fine-tuning jobs, whatever the file.

Without files: ./platform.yaml, ./models/*.yaml and ./jobs/*.yaml. Exit code 4 for malformed files, all problems of all
of them at once; 1 for findings (unpinned images and weights, prices or catalogue older than 180 days, models and jobs
that fit nowhere); 0 when clean.

With --upgrade-to only what is in the way of that Kubernetes version is told: the version itself, add-ons and charts
that these models on this platform have (and, without files, the jobs in ./jobs/*.yaml), images of nodes, and APIs that
it no longer serves.
"""

from __future__ import annotations

import re
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import asdict

from ai_on_eks.cli.ageing import today, too_old
from ai_on_eks.cli.checked import JOBS_FOLDER, Checked, load_checked, project_files
from ai_on_eks.cli.doctor.checks import check_mapping, checks_text
from ai_on_eks.cli.findings import (
    unknown_zones,
    unpinned_images,
    unpinned_revisions,
    without_placement,
)
from ai_on_eks.cli.fine_tuning import unplaced
from ai_on_eks.cli.layout import Column, table
from ai_on_eks.cli.output import counted, document, note, terminal_width, write_json, write_text
from ai_on_eks.cli.problems import finding_text
from ai_on_eks.cli.reservations import now, reservation_findings
from ai_on_eks.cli.settings import Setting, descriptor_settings, job_settings, platform_settings
from ai_on_eks.errors import EXIT_DONE, EXIT_FINDINGS, Problem, UsageError

MANIFESTS = "build/manifests"
"""Where `make synth` leaves what it rendered."""

VERSION = re.compile(r"1\.[1-9][0-9]")

SETTING_COLUMNS = (Column("setting"), Column("from"), Column("value"), Column("meaning"))


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="platform file, descriptors, fine-tuning jobs")
    parser.add_argument(
        "--explain", action="store_true", help="every setting with its value, where it comes from and what it means"
    )
    parser.add_argument(
        "--upgrade-to", metavar="VERSION", help="what is in the way of this Kubernetes version, instead of the rest"
    )
    parser.add_argument(
        "--manifests",
        metavar="DIR",
        default=MANIFESTS,
        help=f"rendered objects, for --upgrade-to; default: {MANIFESTS}",
    )


def run(args: Namespace) -> int:
    checked = load_checked(args.files or project_files(), quiet=args.json)
    if args.upgrade_to is not None:
        return _upgrade(checked, args)
    findings = _findings(checked)
    settings = _settings(checked) if args.explain else {}
    if args.json:
        write_json(document("validate", _body(checked, findings, settings, explain=args.explain)))
    else:
        _print(checked, findings, settings)
    return EXIT_FINDINGS if findings else EXIT_DONE


def _upgrade(checked: Checked, args: Namespace) -> int:
    from ai_on_eks.cli.fine_tune_deployment import DeployedJobs, deployed_jobs  # noqa: PLC0415 - only if asked for
    from ai_on_eks.cli.upgrade import upgrade_checks  # noqa: PLC0415 - likewise

    target = args.upgrade_to
    if not VERSION.fullmatch(target):
        fix = "write it as 1.37"
        raise UsageError(Problem("wrong-usage", f"'{target}' is no Kubernetes version", value=target, fix=fix))
    jobs = DeployedJobs() if args.files else deployed_jobs(Path(JOBS_FOLDER), checked.target.file)
    checks = upgrade_checks(checked, jobs, target, Path(args.manifests))
    findings = [problem for check in checks for problem in check.problems]
    if args.json:
        running = checked.target.platform.cluster.kubernetes_version
        body = {"from": running, "to": target, "checks": [check_mapping(check) for check in checks]}
        write_json(document("validate", {"upgrade": body}))
    else:
        write_text("\n".join([checks_text(checks), *(finding_text(finding) for finding in findings)]))
        note(f"{counted(len(checks), 'check')}, {counted(len(findings), 'finding')}")
    return EXIT_FINDINGS if findings else EXIT_DONE


def _findings(checked: Checked) -> list[Problem]:
    return [
        *unknown_zones(checked.target),
        *reservation_findings(checked.target, now()),
        *without_placement(checked.models, checked.plans),
        *unplaced(checked.jobs),
        *unpinned_revisions(checked.models),
        *unpinned_images(checked.used, checked.images_file),
        *too_old(checked.target.catalog, checked.plans, today()),
    ]


def _settings(checked: Checked) -> dict[str, tuple[Setting, ...]]:
    name = checked.target.file or "platform (defaults)"
    return {
        name: platform_settings(checked.target.platform, checked.target.file),
        **{model.file: descriptor_settings(model) for model in checked.models},
        **{job.file: job_settings(job.job) for job in checked.jobs.jobs},
    }


def _body(
    checked: Checked, findings: Sequence[Problem], settings: Mapping[str, Sequence[Setting]], *, explain: bool
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "platform": checked.target.file,
        "region": checked.target.platform.region,
        "descriptors": [model.file for model in checked.models],
        "jobs": [job.file for job in checked.jobs.jobs],
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
        write_text(finding_text(finding))
    described = len(checked.models) + len(checked.jobs.jobs)
    files = counted(described + (checked.target.file is not None), "well-formed file")
    note(f"{files}, {counted(len(findings), 'finding')}")


def _value_text(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value) if value != {} else "none"
