"""Commands shown in the README and the manual are run, and print what is shown."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from docs_pages import ELLIPSIS, README, ROOT, Example, examples, missing_lines, pages

PROGRAM = "ai-on-eks"

ALL = tuple(
    example
    for path in pages()
    for example in examples(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))
)
IN_ORDER = "docs/tutorial.md"
"""A page whose commands change what the next ones see: test_docs_tutorial.py runs it from the top."""

EXAMPLES = tuple(example for example in ALL if PROGRAM in example.command.split() and example.page != IN_ORDER)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A shell in which the program is the one under test, and no terminal's width shapes its output."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / PROGRAM
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ai_on_eks "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    inherited = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    path = os.pathsep.join((str(folder), os.environ.get("PATH", "")))
    return {**inherited, "PATH": path, "PYTHONPATH": str(ROOT / "constructs"), "PYTHONIOENCODING": "utf-8"}


def test_given_the_manual_when_searched_then_it_shows_commands() -> None:
    assert EXAMPLES


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_given_a_shown_command_when_run_then_it_prints_the_shown_lines(
    example: Example, environment: dict[str, str]
) -> None:
    shell = ["/bin/sh", "-c", example.command]  # as a reader would: globs and quotes mean what they mean there
    done = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False)
    output = done.stdout.decode() + done.stderr.decode()
    fails = any("error[" in line or "finding[" in line for line in example.shown)
    assert (done.returncode != 0) is fails, output
    assert missing_lines(example.shown, output) == [], output


def test_given_a_shown_command_when_searched_then_some_test_runs_it() -> None:
    makes = {("README.md", "make synth"), ("README.md", "make test")}  # what .ci/run types
    assert [str(one) for one in ALL if one.shown and all(not line or ELLIPSIS in line for line in one.shown)] == []
    run = {(example.page, example.command) for example in EXAMPLES} | makes
    assert {(example.page, example.command) for example in ALL if example.page != IN_ORDER} <= run


@pytest.mark.parametrize("command", ["make synth", "make test"])
def test_given_the_readme_when_read_then_it_names_the_two_commands(command: str) -> None:
    assert README.is_file(), "README.md is missing; a new user starts there"
    assert command in README.read_text(encoding="utf-8"), f"README.md does not tell the reader to type '{command}'"


def test_given_the_readme_when_its_synth_is_read_then_the_plan_is_the_one_that_is_made(
    environment: dict[str, str],
) -> None:
    (synth,) = (e for e in examples("README.md", README.read_text(encoding="utf-8")) if e.command == "make synth")
    plan = Example("README.md", "ai-on-eks plan models/*.yaml --engines rendered", synth.shown)
    shell = ["/bin/sh", "-c", plan.command]
    output = subprocess.run(shell, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=True).stdout
    makefile = (ROOT / "project.mk").read_text(encoding="utf-8").replace('"', "\n")  # its own closing line
    assert missing_lines(plan.shown, output.decode() + makefile) == []


def test_given_shown_lines_when_compared_then_only_what_was_not_printed_is_missing() -> None:
    output = "model   engine\nllama   vllm\n"
    assert missing_lines(("model engine", "", "llama   triton", "… more"), output) == ["llama triton"]


def test_given_a_command_in_a_list_when_read_then_it_is_found_like_any_other() -> None:
    text = "# T\n\n1. First:\n\n   ```console\n   $ one\n   a\n   ```\n\n2. Then.\n"
    found = [(example.command, example.shown) for example in examples("page.md", text)]
    assert found == [("one", ("a",))]


def test_given_a_page_of_two_commands_when_read_then_lines_belong_to_the_command_above() -> None:
    text = "# T\n\n```console\n$ one\na\n$ two\nb\nc\n```\n\n```yaml\n$ three\n```\n"
    found = [(example.page, example.command, example.shown) for example in examples("page.md", text)]
    assert found == [("page.md", "one", ("a",)), ("page.md", "two", ("b", "c"))]
