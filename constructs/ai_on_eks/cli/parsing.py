"""argparse, made to answer like the rest: no exit of its own, no abbreviations, no slow imports."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import NoReturn, TypeVar

from ai_on_eks.cli.output import terminal_width, write
from ai_on_eks.errors import Problem, UsageError

T = TypeVar("T", int, float)

PROGRAM = "ai-on-eks"

COMMANDS: dict[str, str] = {
    "init": "start a project folder that synthesizes at once",
    "describe": "write a descriptor from a model's own files",
    "size": "bytes a model needs, every term with its formula",
    "plan": "which instance type, how many, at what price, and why not the others",
    "render": "write the Kubernetes manifests",
    "verify": "compare a cluster's objects with the rendered ones",
    "validate": "check a platform and its models offline",
    "review": "what a change replaces, costs, opens and restarts",
    "report": "one HTML page about the fleet, to open and to send",
    "catalog": "what EC2 offers: instance types, accelerators, prices",
    "images": "list the serving images and pin them by digest",
    "charts": "list the Helm charts, lock their archives, and what copies them to a mirror",
    "doctor": "what this machine, the project and the account lack",
    "completion": "complete commands with the tab key",
    "schema": "JSON Schema of the files, for editors",
}
"""Every command and what it does. The name is also the name of its module in `cli.commands`."""


class Parser(argparse.ArgumentParser):
    """Wrong usage raises, so that it is reported where everything else is."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(Problem(code="wrong-usage", message=message, fix=f"{self.prog} --help"))


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """The formatter looks up the terminal's width by a module that is slow to import; it is given one instead."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=terminal_width())


def program_parser() -> Parser:
    """The parser of what stands before the command."""
    listing = "\n".join(f"  {name:<10} {summary}" for name, summary in COMMANDS.items())
    parser = Parser(
        prog=PROGRAM,
        usage=f"{PROGRAM} [--version] [--debug] COMMAND …",
        description="From a model to a priced placement, Kubernetes workloads and the EKS platform beneath it.",
        epilog=f"commands:\n{listing}\n\n{PROGRAM} COMMAND --help says more.",
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.add_argument("--debug", action="store_true", help="print a traceback when something of ours fails")
    return parser


def command_parser(name: str, description: str | None) -> Parser:
    """The parser of one command, with the options that every command has."""
    parser = Parser(prog=f"{PROGRAM} {name}", description=description, formatter_class=_Formatter, allow_abbrev=False)
    _add_common(parser, name)
    return parser


def complete_parser(
    commands: Mapping[str, tuple[str | None, Callable[[argparse.ArgumentParser], None]]],
    completions: Mapping[str, object],
) -> Parser:
    """Everything in one tree, for shell completion.

    commands     description and what configures its parser, by command
    completions  how a shell completes an argument, by its metavar, as shtab takes it
    """
    program = program_parser()
    subparsers = program.add_subparsers(metavar="COMMAND")
    for name, (description, configure) in commands.items():
        parser = subparsers.add_parser(name, help=COMMANDS[name], description=description, allow_abbrev=False)
        _add_common(parser, name)
        configure(parser)
        for action in parser._actions:
            if action.metavar in completions:
                action.complete = completions[action.metavar]  # type: ignore[attr-defined, index]
    return program


def _add_common(parser: argparse.ArgumentParser, name: str) -> None:
    """The options that every command has."""
    parser.add_argument("--json", action="store_true", help=f"a document of schema ai-on-eks/{name}/v1")
    parser.add_argument("--debug", action="store_true", help="print a traceback when something of ours fails")


def positive_int(text: str) -> int:
    """An argument that counts something."""
    return _number(text, int, lambda value: value > 0, "a positive whole number")


def open_fraction(text: str) -> float:
    """An argument that is a share: more than nothing, less than everything."""
    return _number(text, float, lambda value: 0.0 < value < 1.0, "a number between 0 and 1")


def _number(text: str, kind: Callable[[str], T], accepted: Callable[[T], bool], wanted: str) -> T:
    try:
        value = kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is not {wanted}") from None
    if not accepted(value):
        raise argparse.ArgumentTypeError(f"'{text}' is not {wanted}")
    return value


class _Version(argparse.Action):
    """Prints what is installed; the module that knows is slow to import and wanted only here."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> None:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - slow, see above

        try:
            number = version(PROGRAM)
        except PackageNotFoundError:
            number = "(a source tree that is not installed)"
        write(f"{PROGRAM} {number}\n", sys.stdout)
        parser.exit()
