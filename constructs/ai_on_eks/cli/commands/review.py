"""What a change does: replacement, cost, security, placement, Kubernetes objects. No AWS account is asked.

Two folders that `make synth` wrote (cdk.out/, build/manifests/, build/plan.json), or with --base a revision of this
Git repository beside the working tree, both synthesized in worktrees that are removed afterwards.
Exit code 1 when something is replaced, removed or renamed that no entry of allow-destroy.yaml names.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ai_on_eks.cli.ageing import today
from ai_on_eks.cli.output import document, json_text, write_json, write_text
from ai_on_eks.cli.syntheses import Pair, synthesized
from ai_on_eks.cli.writing import written_to
from ai_on_eks.errors import EXIT_DONE, EXIT_FINDINGS, Problem, UsageError
from ai_on_eks.files import write_file_atomically
from ai_on_eks.review.allowed import FILE, load_allowances
from ai_on_eks.review.mapping import review_mapping
from ai_on_eks.review.markdown.comment import comment
from ai_on_eks.review.markdown.text import code
from ai_on_eks.review.reviewing import review
from ai_on_eks.review.side import read_side

MARKDOWN_FILE, JSON_FILE = "review.md", "review.json"


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("--before", metavar="DIR", help="project folder synthesized before the change")
    parser.add_argument("--after", metavar="DIR", help="project folder synthesized after the change")
    parser.add_argument("--base", metavar="REF", help="compare the working tree with where it left this revision")
    parser.add_argument("--allow", metavar="FILE", help=f"reviewed replacements; default: {FILE} of the changed side")
    parser.add_argument("-o", "--output", metavar="DIR", help=f"also write {MARKDOWN_FILE} and {JSON_FILE} there")


def run(args: Namespace) -> int:
    _check_usage(args)
    if args.base is None:
        return _run(args, Pair(Path(args.before), Path(args.after), args.before, args.after))
    with synthesized(args.base) as pair:
        return _run(args, pair)


def _check_usage(args: Namespace) -> None:
    folders = (args.before, args.after)
    if (None in folders) if args.base is None else folders != (None, None):
        message, fix = "give either --before and --after, or --base", "ai-on-eks review --base origin/main"
        raise UsageError(Problem(code="wrong-usage", message=message, fix=fix))


def _run(args: Namespace, pair: Pair) -> int:
    allowances = load_allowances(Path(args.allow) if args.allow else pair.after / FILE)
    found = review(read_side(pair.before), read_side(pair.after), allowances, today())
    compared = {"before": pair.before_label, "after": pair.after_label}
    body = document("review", {"compared": compared, **review_mapping(found)})
    text = comment(found, f"{code(pair.before_label)} beside {code(pair.after_label)}")
    if args.output:
        folder = Path(args.output)
        with written_to(args.output):
            write_file_atomically(folder / MARKDOWN_FILE, text)
            write_file_atomically(folder / JSON_FILE, json_text(body))
    if args.json:
        write_json(body)
    else:
        write_text(text.rstrip("\n"))
    return EXIT_FINDINGS if found.is_blocked else EXIT_DONE
