"""A bar for whoever waits longer than a second: on stderr, only on a terminal, without colours, gone when done.

    shown    from a second after the command began, whichever of its bars that falls into
    drawn    by a thread of its own, so that the time goes on while a single step takes long

One bar at a time: within another one nothing is drawn, and the outer one goes on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, TextIO

SHOWN_AFTER_SECONDS = 1.0
LEAST_SECONDS = 0.1
"""Of one bar, however long the command has taken: what is over sooner would only flicker."""
DRAWN_EVERY_SECONDS = 0.25

FORMAT = "{desc}: {n_fmt}/{total_fmt} |{bar:24}| {elapsed}"

_BEGAN = monotonic()
_one_at_a_time = Lock()
_shown: list[_Bar] = []
"""The bar there is, if any."""

Move = Callable[[], object]


def out_of_the_way() -> AbstractContextManager[None]:
    """Around what writes to the terminal itself, such as a program that was started: the bar is gone meanwhile."""
    return _shown[0].aside() if _shown else nullcontext()


def tell(line: str) -> None:
    """A line on stderr, with the bar out of its way. A closed stream swallows it, like a shell's `>&-` asks for."""
    with out_of_the_way():
        if sys.stderr is not None:
            sys.stderr.write(f"{line}\n")


def unseen() -> None:
    """A step that nobody waits for."""


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Move]:
    """Around a long piece of work; the value moves the bar on by one of `total`. `quiet` shows nothing at all."""
    terminal = sys.stderr
    if quiet or terminal is None or not terminal.isatty() or not _one_at_a_time.acquire(blocking=False):
        yield unseen
        return
    bar = _Bar(what, total, terminal)
    _shown.append(bar)
    try:
        yield bar.move_on
    finally:
        _shown.remove(bar)
        bar.close()
        _one_at_a_time.release()


class _Bar:
    """Counts in the caller's thread and draws in another. Whoever else writes a line does it by `tell`."""

    def __init__(self, what: str, total: int, terminal: TextIO) -> None:
        self._what, self._total, self._terminal = what, total, terminal
        self._done, self._over = 0, Event()
        self._line = Lock()
        self._drawn: Any = None
        self._drawing = Thread(target=self._draw, daemon=True)
        self._drawing.start()

    def move_on(self) -> None:
        """One step is done."""
        self._done += 1

    @contextmanager
    def aside(self) -> Iterator[None]:
        """With its line empty and the terminal another's; afterwards it is drawn again."""
        with self._line:
            if self._drawn is not None:
                self._drawn.clear()
            yield

    def close(self) -> None:
        """Leave the line as it was."""
        self._over.set()
        self._drawing.join()

    def _draw(self) -> None:
        began = monotonic()
        if self._over.wait(max(LEAST_SECONDS, _BEGAN + SHOWN_AFTER_SECONDS - began)):
            return
        from tqdm import tqdm  # type: ignore[import-untyped] # noqa: PLC0415 - slow to import, and quick commands have no use for it

        with self._line:
            self._drawn = tqdm(
                desc=self._what,
                total=self._total,
                initial=self._done,
                file=self._terminal,
                leave=False,
                bar_format=FORMAT,
                dynamic_ncols=True,
            )
            self._drawn.start_t -= monotonic() - began  # it counts from its own start, and people from theirs
        while not self._over.wait(DRAWN_EVERY_SECONDS):
            with self._line:
                self._drawn.n = self._done
                self._drawn.refresh()
        with self._line:
            self._drawn.close()
