"""What a change does: replacement, cost, security, placement, Kubernetes objects. No AWS account is asked.

Two folders that `make synth` wrote (cdk.out/, build/manifests/, build/plan.json), or with --base a revision of this
Git repository beside the working tree, both synthesized in worktrees that are removed afterwards.
Exit code 1 when something is replaced, removed or renamed that no entry of allow-destroy.yaml names.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ai_on_eks.cli.ageing import today
from ai_on_eks.cli.output import Json, document, json_text, note, write_json, write_text
from ai_on_eks.cli.progress import progress
from ai_on_eks.cli.syntheses import Pair, synthesized
from ai_on_eks.cli.writing import written_to
from ai_on_eks.errors import EXIT_DONE, EXIT_FINDINGS, FindingsError, Problem, UsageError
from ai_on_eks.files import write_file_atomically
from ai_on_eks.review.allowed import FILE, load_allowances
from ai_on_eks.review.mapping import review_mapping
from ai_on_eks.review.markdown.comment import comment
from ai_on_eks.review.markdown.failure import failure
from ai_on_eks.review.markdown.text import code
from ai_on_eks.review.reviewing import review
from ai_on_eks.review.side import read_side
from ai_on_eks.units import counted

MARKDOWN_FILE, JSON_FILE = "review.md", "review.json"
NOT_MADE = "not-synthesized"


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--before", metavar="DIR", help="project folder synthesized before the change")
    parser.add_argument("--after", metavar="DIR", help="project folder synthesized after the change")
    parser.add_argument("--base", metavar="REF", help="compare the working tree with where it left this revision")
    parser.add_argument(
        "--platform", metavar="FILE", help="with --base: platform file to synthesize; default: the app's"
    )
    parser.add_argument(
        "--models", metavar="DIR", help="with --base: folder of models to synthesize; default: the app's"
    )
    parser.add_argument("--allow", metavar="FILE", help=f"reviewed replacements; default: {FILE} of the changed side")
    parser.add_argument("--cfn-lint", action="store_true", help="run cfn-lint over templates that differ, 2 s for each")
    parser.add_argument("-o", "--output", metavar="DIR", help=f"also write {MARKDOWN_FILE} and {JSON_FILE} there")


def run(args: Namespace) -> int:
    _check_usage(args)
    if args.base is None:
        return _run(args, Pair(Path(args.before), Path(args.after), args.before, args.after))
    given = {"platform": args.platform, "models": args.models}
    try:
        with synthesized(args.base, {key: value for key, value in given.items() if value is not None}) as pair:
            return _run(args, pair)
    except FindingsError as error:
        problems = [problem.as_json() for problem in error.problems]
        _write(args.output, failure(error.problems), document("review", {"verdict": NOT_MADE, "problems": problems}))
        raise


def _check_usage(args: Namespace) -> None:
    with_base, with_folders = (args.platform, args.models), (args.before, args.after)
    if args.base is None and (None in with_folders or with_base != (None, None)):
        message, fix = (
            "give --before and --after, or --base with what belongs to it",
            "ai-on-eks review --base origin/main",
        )
    elif args.base is not None and with_folders != (None, None):
        message, fix = "--base takes the place of --before and --after", f"ai-on-eks review --base {args.base}"
    else:
        return
    raise UsageError(Problem(code="wrong-usage", message=message, fix=fix))


def _run(args: Namespace, pair: Pair) -> int:
    allowances = load_allowances(Path(args.allow) if args.allow else pair.after / FILE)
    with progress("reviewing", 3, quiet=args.json) as move_on:
        before = read_side(pair.before)
        move_on()
        after = read_side(pair.after)
        move_on()
        found = review(before, after, allowances, today(), lint=args.cfn_lint)
    compared = {"before": pair.before_label, "after": pair.after_label}
    body = document("review", {"compared": compared, **review_mapping(found)})
    text = comment(found, f"{code(pair.before_label)} beside {code(pair.after_label)}")
    _write(args.output, text, body)
    if args.json:
        write_json(body)
    else:
        write_text(text.rstrip("\n"))
        if found.is_blocked:
            # A terminal has scrolled the verdict away by now.
            blocking = counted(len(found.blocking), "destructive change")
            written = f": {args.output}/{MARKDOWN_FILE}" if args.output else ""
            note(f"review: blocked, {blocking} not allowed by {FILE}{written}")
    return EXIT_FINDINGS if found.is_blocked else EXIT_DONE


def _write(output: str | None, text: str, body: Json) -> None:
    """Both documents into the folder, where one is asked for."""
    if output is not None:
        with written_to(output):
            write_file_atomically(Path(output) / MARKDOWN_FILE, text)
            write_file_atomically(Path(output) / JSON_FILE, json_text(body))
