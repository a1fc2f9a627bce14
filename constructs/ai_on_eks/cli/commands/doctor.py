"""Is everything here that a synthesis and a deployment need, does it go together, and what has become old?

Looks at this machine's programs and at the project's files (./platform.yaml and ./models/*.yaml unless named). Asks
nobody; with --account it asks AWS, with the machine's own credentials, for the quotas that the plan counts against,
for CDK's bootstrap stack and for the gateway's certificate. Exit code 1 with findings.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from ai_on_eks.cli.ageing import today
from ai_on_eks.cli.checked import MODELS_FOLDER, Checked, default_files, load_checked
from ai_on_eks.cli.doctor.certificate import certificate_unasked
from ai_on_eks.cli.doctor.checks import Check, check_mapping, checks_text, skipped
from ai_on_eks.cli.doctor.machine import check_machine
from ai_on_eks.cli.doctor.project import check_project
from ai_on_eks.cli.loading import DEFAULT_PLATFORM_FILE
from ai_on_eks.cli.output import counted, document, note, write_json, write_text
from ai_on_eks.cli.problems import finding_text
from ai_on_eks.cli.progress import progress
from ai_on_eks.errors import EXIT_DONE, EXIT_FINDINGS, Problem, UsageError


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("files", nargs="*", metavar="FILE", help="platform file, descriptors")
    parser.add_argument(
        "--account", action="store_true", help="ask AWS as well: credentials, bootstrap stack, quotas, certificate"
    )


def run(args: Namespace) -> int:
    with progress("looking", 3 if args.account else 2, quiet=args.json) as move_on:
        checked = _project(args.files, needed=args.account, quiet=args.json)
        kubernetes = None if checked is None else checked.target.platform.cluster.kubernetes_version
        checks = [skipped("project", "no project in this folder")]
        if checked is not None:
            checks = check_project(checked, today())
        move_on()
        checks = check_machine(kubernetes) + checks
        move_on()
        if args.account and checked is not None:
            from ai_on_eks.cli.doctor.account import check_account, client_in  # noqa: PLC0415 - only if asked for

            checks += check_account(checked, client_in(checked.target.platform.region), today())
            move_on()
        elif checked is not None:
            checks.append(certificate_unasked(checked.target.platform))
    findings = [problem for check in checks for problem in check.problems]
    if args.json:
        write_json(document("doctor", {"checks": [check_mapping(check) for check in checks]}))
    else:
        _print(checks, findings)
    return EXIT_FINDINGS if findings else EXIT_DONE


def _project(files: Sequence[str], *, needed: bool, quiet: bool) -> Checked | None:
    """The project's files; outside a project the machine alone is looked at."""
    if files or Path(DEFAULT_PLATFORM_FILE).exists() or Path(MODELS_FOLDER).is_dir():
        return load_checked(files or default_files(), quiet=quiet)
    if needed:
        raise UsageError(
            Problem("nothing-planned", "--account needs a plan", fix="name the platform file and the descriptors")
        )
    return None


def _print(checks: Sequence[Check], findings: Sequence[Problem]) -> None:
    write_text(checks_text(checks))
    for finding in findings:
        write_text(finding_text(finding))
    note(f"{counted(len(checks), 'check')}, {counted(len(findings), 'finding')}")
