"""Everything that can go wrong, and how it is told.

    AiOnEksError                 one `except` in the CLI catches this, nothing else
    ├── FindingsError            exit 1   what was synthesized breaks a rule
    ├── UsageError               exit 2   the command line contradicts itself
    ├── NothingFitsError         exit 3   a model has no placement in the catalogue
    └── InputError               exit 4   a file given by the user is malformed

Every error carries *all* problems found, not the first one. Any exception outside this tree is a defect of ours and
exits with 5.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

EXIT_DONE = 0
EXIT_FINDINGS = 1
EXIT_USAGE = 2
EXIT_NOTHING_FITS = 3
EXIT_MALFORMED_INPUT = 4
EXIT_INTERNAL = 5


class Problem(Struct, frozen=True):
    """One thing the user has to change.

    `code` is a stable kebab-case identifier and part of the public contract. `path` is dotted (`serving.concurrency`,
    `tags[2]`); `line` counts from 1. `message` and `fix` are lower case without a final period.
    """

    code: str
    message: str
    file: str | None = None
    line: int | None = None
    path: str | None = None
    value: object = None
    allowed: tuple[str, ...] = ()
    fix: str | None = None

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        head = f"{where}: " if where else ""
        subject = f"{self.path}: " if self.path else ""
        text = f"{head}error[{self.code}] {subject}{self.message}"
        if self.allowed:
            text += f"\n    allowed: {', '.join(self.allowed)}"
        if self.fix:
            text += f"\n    fix: {self.fix}"
        return text

    def as_json(self) -> dict[str, object]:
        """The problem as a JSON-ready mapping; keys are always present, absent facts are null."""
        value = self.value if isinstance(self.value, str | int | float | bool | None) else repr(self.value)
        return {
            "code": self.code,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "path": self.path,
            "value": value,
            "allowed": list(self.allowed),
            "fix": self.fix,
        }


class AiOnEksError(Exception):
    """Base of every error that is the user's to mend. `problems` is never empty."""

    exit_code = EXIT_INTERNAL

    def __init__(self, problems: Problem | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        if not self.problems:
            raise ValueError("an error needs at least one problem")
        super().__init__("\n".join(str(problem) for problem in self.problems))


class FindingsError(AiOnEksError):
    """What was synthesized breaks rules (docs/rules.md)."""

    exit_code = EXIT_FINDINGS


class UsageError(AiOnEksError):
    """The command line contradicts itself."""

    exit_code = EXIT_USAGE


class NothingFitsError(AiOnEksError):
    """No placement of the catalogue satisfies the descriptor."""

    exit_code = EXIT_NOTHING_FITS


class InputError(AiOnEksError):
    """A descriptor, platform file or model file is malformed."""

    exit_code = EXIT_MALFORMED_INPUT
