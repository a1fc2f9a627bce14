"""Complete commands, options and files with the tab key.

Prints the shell's completion script; --install puts it where the shell looks for those of a user: for bash at once in
every new shell, for zsh below ~/.zfunc, which has to be in fpath (it tells the line for ~/.zshrc).
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from importlib import import_module
from pathlib import Path

from ai_on_eks.cli.output import document, note, write, write_json
from ai_on_eks.cli.parsing import COMMANDS, PROGRAM, complete_parser
from ai_on_eks.cli.writing import written_to
from ai_on_eks.errors import EXIT_DONE
from ai_on_eks.files import write_file_atomically

SHELLS = ("bash", "zsh")

FILES = ("DESCRIPTOR", "F", "FILE", "PLATFORM", "SOURCE")
FOLDERS = ("DIR", "DIRECTORY", "FOLDER")
"""What commands call arguments that are files and folders."""


def configure(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="whose tab key")
    parser.add_argument("--install", action="store_true", help="write it where the shell finds it")


def run(args: Namespace) -> int:
    script = completion_script(args.shell)
    path = _place(args.shell) if args.install else None
    if path is not None:
        with written_to(str(path)):
            write_file_atomically(path, script)
    if args.json:
        body = {"shell": args.shell, "script": script, "installed": None if path is None else str(path)}
        write_json(document("completion", body))
    elif path is None:
        write(script, sys.stdout)
    else:
        note(f"wrote {path}; new shells complete {PROGRAM}")
        if args.shell == "zsh":
            note(f"with this in ~/.zshrc, before compinit: fpath+=({path.parent})")
    return EXIT_DONE


def completion_script(shell: str) -> str:
    """The script of a shell, from the parsers of all commands."""
    import shtab  # noqa: PLC0415 - only this command needs it

    modules = {name: import_module(f"ai_on_eks.cli.commands.{name}") for name in COMMANDS}
    kinds = {**dict.fromkeys(FILES, shtab.FILE), **dict.fromkeys(FOLDERS, shtab.DIRECTORY)}
    configured = {name: (module.__doc__, module.configure) for name, module in modules.items()}
    parser = complete_parser(configured, kinds)
    script: str = shtab.complete(parser, shell=shell)
    return script


def _place(shell: str) -> Path:
    """The XDG base directory for bash (bash-completion 2), a folder of functions for zsh."""
    if shell == "zsh":
        return Path.home() / ".zfunc" / f"_{PROGRAM}"
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return data / "bash-completion" / "completions" / PROGRAM
