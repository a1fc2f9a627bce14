"""The bar is for people who wait: nothing of it in a pipe, in a quiet command, or before a second has passed."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TextIO

import pytest
from cli_running import LLAMA_8B, PLATFORM, RESNET, ROOT, run_here

from ai_on_eks.cli import progress as module
from ai_on_eks.cli.output import note
from ai_on_eks.cli.progress import LEAST_SECONDS, progress

FLEET = sorted(str(path) for path in (ROOT / "docs" / "examples" / "fleet").glob("*.yaml"))
LORA = str(ROOT / "docs" / "examples" / "fine-tune" / "llama-8b-lora.yaml")
ONNX = str(ROOT / "docs" / "examples" / "how-to" / "two-layers.onnx")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, waits: bool, quiet: bool = False) -> str:
    """What is on stderr after a piece of work that takes longer than people wait, or as long as they do."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "SHOWN_AFTER_SECONDS", 0.0 if waits else 3600.0)
    with progress("asking", 2, quiet=quiet) as move_on:
        move_on()
        time.sleep(3 * LEAST_SECONDS)
        if waits and stream.isatty() and not quiet:
            until(lambda: "1/2" in stream.getvalue())
    return stream.getvalue()


def until(is_so: Any) -> None:
    """Wait for the thread that draws; at most a minute, on a machine that does much else."""
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end, "nothing was drawn"
        time.sleep(0.01)


def test_given_a_terminal_when_it_takes_longer_than_a_second_then_a_bar_is_shown_without_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = shown(Terminal(), monkeypatch, waits=True)
    assert "asking: 1/2 |" in text
    assert "\x1b[3" not in text
    assert "\x1b[9" not in text
    assert text.rpartition("\r")[0].rpartition("\r")[2].strip() == ""  # and it is gone afterwards


def test_given_a_terminal_when_it_is_quick_then_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(Terminal(), monkeypatch, waits=False) == ""


def test_given_a_pipe_when_it_takes_long_then_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, bars: list[Recorder]
) -> None:
    assert shown(io.StringIO(), monkeypatch, waits=True) == ""
    assert bars == []


def test_given_a_quiet_command_when_it_takes_long_then_nothing_is_shown(
    monkeypatch: pytest.MonkeyPatch, bars: list[Recorder]
) -> None:
    assert shown(Terminal(), monkeypatch, waits=True, quiet=True) == ""
    assert bars == []


def test_given_a_step_that_takes_long_when_nothing_moves_on_then_the_time_does(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "SHOWN_AFTER_SECONDS", 0.0)
    with progress("packing", 1):
        until(lambda: "00:00" in stream.getvalue() and "00:01" in stream.getvalue())


def test_given_a_bar_when_a_line_is_told_then_it_stands_alone_and_the_bar_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(module, "SHOWN_AFTER_SECONDS", 0.0)
    with progress("planning", 1):
        until(lambda: "0/1" in stream.getvalue())
        note("warning: old prices")
        until(lambda: "0/1" in stream.getvalue().rpartition("warning")[2])
    before, told, after = stream.getvalue().partition("warning: old prices\n")
    assert told
    assert before.endswith("\r")
    assert before.rpartition("\r")[0].rpartition("\r")[2].strip() == "", "the bar is still there"
    assert after.startswith("\r")


def test_given_no_bar_when_a_line_is_told_then_it_is_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    note("warning: old prices")
    assert stream.getvalue() == "warning: old prices\n"


def test_given_a_bar_within_another_when_both_move_on_then_the_outer_one_alone_is_shown(
    monkeypatch: pytest.MonkeyPatch, bars: list[Recorder]
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress("outer", 1) as outer:
        with progress("inner", 1) as inner:
            inner()
        outer()
    with progress("next", 0):
        pass
    assert [(bar.what, bar.done) for bar in bars] == [("outer", 1), ("next", 0)]


class Recorder:
    """In place of the bar: what was to be drawn."""

    def __init__(self, what: str, total: int, terminal: TextIO) -> None:
        self.what, self.total, self.done, self.is_open = what, total, 0, True
        assert terminal.isatty()

    def move_on(self) -> None:
        self.done += 1

    def aside(self) -> AbstractContextManager[None]:
        return nullcontext()

    def close(self) -> None:
        self.is_open = False


@pytest.fixture
def bars(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Recorder]]:
    found: list[Recorder] = []

    def made(what: str, total: int, terminal: TextIO) -> Recorder:
        found.append(Recorder(what, total, terminal))
        return found[-1]

    monkeypatch.setattr(module, "_Bar", made)
    yield found
    assert not any(bar.is_open for bar in found)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (("plan", LLAMA_8B, RESNET, "--platform", PLATFORM), [("planning", 4, 5)]),
        (("plan", LORA, "--platform", PLATFORM), [("planning", 2, 2)]),
        (("validate", PLATFORM, LLAMA_8B, RESNET), [("checking", 4, 5)]),
        (("render", RESNET, "--platform", PLATFORM, "-o", "{tmp}/out"), [("planning", 2, 3), ("rendering", 0, 1)]),
        (("report", PLATFORM, RESNET, "-o", "{tmp}/r.html"), [("planning", 2, 3), ("drawing", 0, 1)]),
        (("review", "--before", "{tmp}/side", "--after", "{tmp}/side"), [("reviewing", 2, 3)]),
        (("describe", ONNX), [("reading", 0, 1)]),
        (("size", RESNET), [("sizing", 0, 1)]),
        (("doctor", PLATFORM, RESNET), [("looking", 2, 2)]),
    ],
    ids=lambda value: value[0] if isinstance(value[0], str) else "",
)
def test_given_a_terminal_when_a_command_can_take_long_then_each_of_its_parts_has_a_bar(
    command: tuple[str, ...],
    expected: list[tuple[str, int, int]],
    bars: list[Recorder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What was moved on by, of how many: the last step ends with the bar."""
    (tmp_path / "side" / "cdk.out").mkdir(parents=True)
    (tmp_path / "side" / "cdk.out" / "manifest.json").write_text('{"artifacts": {}}', encoding="utf-8")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    given = [part.format(tmp=tmp_path) for part in command]
    assert run_here(capsys, *given).code in (0, 1)
    assert [(bar.what, bar.done, bar.total) for bar in bars] == expected
    bars.clear()
    assert run_here(capsys, *given, "--json").code in (0, 1)
    assert bars == []


def run_in_terminal(*arguments: str) -> tuple[str, str]:
    """What the command wrote to stdout, which is a pipe, and to stderr, which is a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "ai_on_eks", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=theirs) as running:
        os.close(theirs)
        told = b""
        while chunk := _read(ours):
            told += chunk
        os.close(ours)
        assert running.stdout is not None
        return running.stdout.read().decode(), told.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the command has closed its side
        return b""


def test_given_a_real_terminal_when_a_fleet_is_planned_then_a_bar_comes_and_goes_and_the_answer_is_the_same() -> None:
    out, err = run_in_terminal("plan", *FLEET, "--platform", PLATFORM)
    assert f"/{2 * len(FLEET) + 1} |" in err
    assert "planning: " in err
    assert "\x1b[3" not in err
    piped = subprocess.run(
        [sys.executable, "-m", "ai_on_eks", "plan", *FLEET, "--platform", PLATFORM],
        cwd=ROOT, env={**os.environ, "COLUMNS": "100"}, capture_output=True, check=True, text=True,
    )  # fmt: skip
    assert piped.stdout == out
    assert "planning: " not in piped.stderr
    assert "\r" not in piped.stderr
