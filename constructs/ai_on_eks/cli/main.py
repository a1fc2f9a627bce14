"""The `ai-on-eks` command: find the command, run it, turn every failure into lines and an exit code.

    stdout   data, nothing else
    stderr   everything else; with --json nothing of ours but one JSON document when something is wrong
    exit     0 done · 1 findings · 2 wrong usage · 3 nothing fits · 4 malformed input · 5 internal error
             130 interrupted, 141 the reader of the pipe went away: what a shell reports of a killed program

Only the module of the command asked for is imported, so that `size` never pays for what `render` needs.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from ai_on_eks.cli.output import flush, prepare_streams, write
from ai_on_eks.cli.parsing import COMMANDS, command_parser, program_parser
from ai_on_eks.cli.problems import report
from ai_on_eks.cli.suggestions import closest_fix
from ai_on_eks.errors import EXIT_DONE, EXIT_INTERNAL, EXIT_USAGE, AiOnEksError, Problem, UsageError

EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000
"""Modules, the catalogue and a plan are tens of thousands of objects that live until the process ends: Python's own 700
would search them again and again for garbage that is not there, a twentieth of the time of a command."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code and never raises."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in arguments
    gc.set_threshold(ALLOCATIONS_BETWEEN_COLLECTIONS)
    try:
        prepare_streams()
        exit_code = _dispatch(arguments)
        flush()
    except AiOnEksError as error:
        report(error.problems, as_json=as_json)
        return error.exit_code
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_BROKEN_PIPE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except OSError as error:
        report((_system_problem(error),), as_json=as_json)
        return EXIT_INTERNAL
    except Exception as error:
        _report_internal(error, as_json=as_json, debug="--debug" in arguments)
        return EXIT_INTERNAL
    return exit_code


def _dispatch(arguments: Sequence[str]) -> int:
    position = next((i for i, argument in enumerate(arguments) if not argument.startswith("-")), len(arguments))
    program = program_parser()
    try:
        program.parse_args(arguments[:position])
        if position == len(arguments):
            write(program.format_help(), sys.stderr)
            return EXIT_USAGE
        name = arguments[position]
        if name not in COMMANDS:
            raise UsageError(_unknown_command(name))
        command = import_module(f"ai_on_eks.cli.commands.{name}")
        parser = command_parser(name, command.__doc__)
        command.configure(parser)
        parsed = parser.parse_args(arguments[position + 1 :])
    except SystemExit as done:  # --help and --version have printed what was asked
        return int(done.code or EXIT_DONE)
    exit_code: int = command.run(parsed)
    return exit_code


def _unknown_command(name: str) -> Problem:
    return Problem(
        code="unknown-command",
        message=f"there is no command '{name}'",
        value=name,
        allowed=tuple(COMMANDS),
        fix=closest_fix(name, COMMANDS) or "ai-on-eks --help",
    )


def _system_problem(error: OSError) -> Problem:
    """What the operating system refused: a full disk, a closed output. Not a defect, and not in the input either."""
    reason = (error.strerror or type(error).__name__).lower()
    name = str(error.filename) if error.filename is not None else None
    return Problem(code="system-error", message=reason, file=name, fix="check free space and permissions")


def _report_internal(error: Exception, *, as_json: bool, debug: bool) -> None:
    if debug:
        import traceback  # noqa: PLC0415 - only wanted here

        traceback.print_exc()
    text = " ".join(str(error).split())
    problem = Problem(
        code="internal-error",
        message=f"{type(error).__name__}: {text}" if text else type(error).__name__,
        fix="this is a defect of ai-on-eks; run again with --debug and report what it prints",
    )
    report((problem,), as_json=as_json)


def _silence_stdout() -> None:
    """Nobody reads any more: give the interpreter somewhere to flush to when it exits."""
    try:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        os.dup2(descriptor, sys.stdout.fileno())
        os.close(descriptor)
    except (OSError, ValueError):
        return
