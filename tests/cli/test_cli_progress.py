"""The bar is for people who wait: nothing of it in a pipe, in a quiet command, or before a second has passed."""

from __future__ import annotations

import io
import sys

import pytest

from ai_on_eks.cli.progress import SHOWN_AFTER_SECONDS, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, seconds: float, quiet: bool = False) -> str:
    """What is on stderr after a piece of work that took so long."""
    clock = [0.0]
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr("tqdm.std.time", lambda: clock[0])
    with progress("asking", 2, quiet=quiet) as move_on:
        clock[0] = seconds
        move_on()
        move_on()
    return stream.getvalue()


def test_given_a_terminal_when_it_takes_longer_than_a_second_then_a_bar_is_shown_without_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = shown(Terminal(), monkeypatch, seconds=2 * SHOWN_AFTER_SECONDS)
    assert "asking: 1/2 |" in text
    assert "\x1b[3" not in text
    assert "\x1b[9" not in text


def test_given_a_terminal_when_it_is_quick_then_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(Terminal(), monkeypatch, seconds=SHOWN_AFTER_SECONDS / 2) == ""


def test_given_a_pipe_when_it_takes_long_then_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), monkeypatch, seconds=2 * SHOWN_AFTER_SECONDS) == ""


def test_given_a_quiet_command_when_it_takes_long_then_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(Terminal(), monkeypatch, seconds=2 * SHOWN_AFTER_SECONDS, quiet=True) == ""
