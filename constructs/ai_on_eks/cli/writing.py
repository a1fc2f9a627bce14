"""What a command writes to disk: the operating system's refusals become problems with a fix."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ai_on_eks.errors import Problem, UsageError


@contextmanager
def written_to(path: str) -> Iterator[None]:
    """Around a write: a path that cannot be written to is wrong usage."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            Problem(
                code="output-not-writable",
                message=f"cannot be written: {(error.strerror or type(error).__name__).lower()}",
                file=path,
                fix="name a path that can be written to",
            )
        ) from None
