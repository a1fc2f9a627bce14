"""Completion as bash does it, and where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cli_running import ROOT, run_here, run_process

from ai_on_eks.cli.commands.completion import completion_script
from ai_on_eks.cli.parsing import COMMANDS

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


def completed(*words: str) -> set[str]:
    """What bash would offer for the last word."""
    line = " ".join(f'"{word}"' for word in ("ai-on-eks", *words))
    script = f"{completion_script('bash')}\nCOMP_WORDS=({line})\nCOMP_CWORD={len(words)}\n_shtab_ai_on_eks\n"
    done = subprocess.run(
        ["bash", "--norc", "-c", f'{script}printf "%s\\n" "${{COMPREPLY[@]}}"'],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    return set(done.stdout.split())


@needs_bash
def test_given_nothing_when_completed_then_every_command_is_offered() -> None:
    assert set(COMMANDS) <= completed("")


@needs_bash
def test_given_a_command_when_its_options_are_completed_then_they_are_those_of_its_parser() -> None:
    assert completed("plan", "--pl") == {"--platform", "--plot", "--plot-by"}
    assert completed("plan", "--policy", "th") == {"throughput"}


@needs_bash
def test_given_an_argument_that_is_a_file_when_completed_then_files_are_offered() -> None:
    assert completed("plan", "models/llama-3-1") == {"models/llama-3-1-8b-instruct.yaml"}
    assert completed("plan", "--platform", "platf") == {"platform.yaml"}


def test_given_bash_when_installed_then_it_lies_where_bash_looks(tmp_path: Path) -> None:
    answer = run_process("completion", "bash", "--install", environment={"XDG_DATA_HOME": str(tmp_path)})
    assert (answer.code, answer.out) == (0, "")
    assert (tmp_path / "bash-completion" / "completions" / "ai-on-eks").read_text(encoding="utf-8") == (
        completion_script("bash")
    )


def test_given_zsh_when_installed_then_the_line_that_makes_it_found_is_told(tmp_path: Path) -> None:
    answer = run_process("completion", "zsh", "--install", environment={"HOME": str(tmp_path)})
    path = tmp_path / ".zfunc" / "_ai-on-eks"
    assert path.read_text(encoding="utf-8").startswith("#compdef ai-on-eks")
    assert f"fpath+=({path.parent})" in answer.err


def test_given_json_when_completed_then_the_script_is_in_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    answer = run_here(capsys, "completion", "bash", "--json")
    assert answer.data["script"] == completion_script("bash")
    assert answer.data["installed"] is None
