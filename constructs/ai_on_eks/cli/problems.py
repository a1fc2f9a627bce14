"""How problems are shown: lines for people, one document for programs. Always on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ai_on_eks.cli.output import coloured, document, printable, write, write_json
from ai_on_eks.errors import Problem

RED = 31


def report(problems: Sequence[Problem], *, as_json: bool) -> None:
    """Tell every problem. Nothing here may fail: it is the last that runs."""
    try:
        if as_json:
            write_json(problems_document(problems), sys.stderr)
        else:
            for problem in problems:
                write(problem_text(problem) + "\n", sys.stderr)
    except (OSError, ValueError):
        return  # stderr itself is gone; the exit code still tells


def problems_document(problems: Sequence[Problem]) -> dict[str, object]:
    """The document that `--json` writes to stderr instead of lines."""
    return document("error", {"problems": [problem.as_json() for problem in problems]})


def problem_text(problem: Problem) -> str:
    """One problem as lines, its code in red on a terminal."""
    mark = f"error[{problem.code}]"
    return printable(str(problem)).replace(mark, coloured(mark, RED, sys.stderr), 1)


def finding_text(problem: Problem) -> str:
    """The same of something that is well-formed and still worth mending: data, and not in red."""
    return printable(str(problem)).replace(f"error[{problem.code}]", f"finding[{problem.code}]", 1)
