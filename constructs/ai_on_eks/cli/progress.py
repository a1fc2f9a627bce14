"""A bar for whoever waits longer than a second: on stderr, only on a terminal, without colours, gone when done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

SHOWN_AFTER_SECONDS = 1.0

FORMAT = "{desc}: {n_fmt}/{total_fmt} |{bar:24}| {elapsed}"


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[], object]]:
    """Around a long piece of work; the value moves the bar on by one of `total`. `quiet` shows nothing at all."""
    from tqdm import tqdm  # type: ignore[import-untyped] # noqa: PLC0415 - slow to import, and quick commands have no use for it

    # disable=None: nothing where stderr is no terminal
    with tqdm(
        desc=what,
        total=total,
        disable=True if quiet else None,
        delay=SHOWN_AFTER_SECONDS,
        leave=False,
        bar_format=FORMAT,
        dynamic_ncols=True,
    ) as bar:
        yield bar.update
