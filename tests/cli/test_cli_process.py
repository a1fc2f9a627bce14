"""The contract that scripts rely on: exit codes, what goes to which stream, no traceback ever."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli_running import LLAMA_8B, MINIMAL, MODELS, PLATFORM, ROOT, process_environment, run_process, write

FORBIDDEN_MODULES = ("jsii", "aws_cdk", "cdk8s", "constructs", "boto3", "botocore", "numpy")


def test_given_the_four_models_when_planned_as_json_then_stdout_is_one_document_and_stderr_is_empty() -> None:
    answer = run_process("plan", *MODELS, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.data["schema"] == "ai-on-eks/plan/v1"
    assert [plan["model"] for plan in answer.data["plans"]] == [Path(model).stem for model in MODELS]
    assert all(plan["chosen"] for plan in answer.data["plans"])
    assert answer.out.endswith("}\n")


def test_given_the_plan_when_run_cold_then_nothing_slow_is_imported() -> None:
    code = (
        "import sys\n"
        "from ai_on_eks.cli.main import main\n"
        "code = main(sys.argv[1:])\n"
        f"print([m for m in {FORBIDDEN_MODULES!r} if m in sys.modules], code, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "plan", *MODELS, "--json"],
        cwd=ROOT,
        env=process_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "[] 0\n"


def test_given_another_place_zone_and_hash_seed_when_planned_then_the_bytes_are_equal(tmp_path: Path) -> None:
    first = run_process("plan", *MODELS, "--json", "--platform", PLATFORM)
    moved = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "HOME": str(tmp_path)}
    second = run_process("plan", *MODELS, "--json", "--platform", PLATFORM, cwd=tmp_path, environment=moved)
    assert first.out == second.out


def test_given_no_arguments_when_run_then_help_goes_to_stderr_and_the_code_is_two() -> None:
    answer = run_process()
    assert (answer.code, answer.out) == (2, "")
    assert "commands:" in answer.err


@pytest.mark.parametrize(
    "command", ["", "plan", "size", "describe", "render", "catalog", "images", "schema", "validate", "verify"]
)
def test_given_help_when_asked_for_then_it_is_data(command: str) -> None:
    answer = run_process(*command.split(), "--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("usage: ai-on-eks")


def test_given_a_reader_that_leaves_when_writing_then_there_is_no_traceback() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "ai_on_eks", "plan", *MODELS, "--json"],
        cwd=ROOT,
        env=process_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 141


def test_given_an_interrupt_when_waiting_then_the_code_is_130_and_there_is_no_traceback(tmp_path: Path) -> None:
    """Also where the tests run in the background, whose children a shell starts with interrupts ignored."""
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import ai_on_eks.cli.commands.schema as schema\n"
        "from ai_on_eks.cli.main import main\n"
        "def wait(args):\n"
        "    print('ready', file=sys.stderr, flush=True)\n"
        "    time.sleep(30)\n"
        "schema.run = wait\n"
        "sys.exit(main(['schema']))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], env=process_environment(), stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"ready\n"
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == b""
        assert process.wait(timeout=30) == 130


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_given_a_full_disk_when_writing_then_one_line_says_so() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "ai_on_eks", "schema"],
            env=process_environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
    assert done.returncode == 5
    assert done.stderr.startswith("error[system-error] no space left on device\n")
    assert "Traceback" not in done.stderr


def test_given_a_defect_when_run_then_one_line_and_code_five_and_a_traceback_only_with_debug() -> None:
    code = (
        "import sys\n"
        "import ai_on_eks.cli.commands.schema as schema\n"
        "from ai_on_eks.cli.main import main\n"
        "def fail(args):\n"
        "    raise KeyError('lost')\n"
        "schema.run = fail\n"
        "sys.exit(main(['schema', *sys.argv[1:]]))\n"
    )
    command = [sys.executable, "-c", code]
    plain = subprocess.run(command, env=process_environment(), capture_output=True, text=True, check=False)
    debug = subprocess.run(
        [*command, "--debug"], env=process_environment(), capture_output=True, text=True, check=False
    )
    assert (plain.returncode, plain.stdout) == (5, "")
    assert plain.stderr.startswith("error[internal-error] KeyError: 'lost'\n    fix: ")
    assert "Traceback" not in plain.stderr
    assert debug.returncode == 5
    assert "Traceback" in debug.stderr


def test_given_a_locale_without_unicode_when_printing_then_it_still_prints() -> None:
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    table = run_process("plan", LLAMA_8B, environment=ascii_only)
    document = run_process("plan", LLAMA_8B, "--json", environment=ascii_only)
    assert (table.code, document.code) == (0, 0)
    assert document.data["plans"] == run_process("plan", LLAMA_8B, "--json").data["plans"]


def test_given_a_pipe_when_printing_then_there_is_no_colour(tmp_path: Path) -> None:
    broken = write(tmp_path, "broken.yaml", "name: [")
    answer = run_process("plan", broken, environment={"TERM": "xterm-256color"})
    assert answer.code == 4
    assert "\x1b" not in answer.err


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are a POSIX thing")
@pytest.mark.parametrize(("no_colour", "coloured"), [("", True), ("1", False)])
def test_given_a_terminal_when_an_error_is_shown_then_colour_obeys_no_color(
    tmp_path: Path, no_colour: str, coloured: bool
) -> None:
    import pty  # noqa: PLC0415 - POSIX only

    broken = write(tmp_path, "broken.yaml", "name: [")
    controller, terminal = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "ai_on_eks", "plan", broken],
        env=process_environment({"NO_COLOR": no_colour}),
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        check=False,
    )
    os.close(terminal)
    shown = os.read(controller, 65536)
    os.close(controller)
    assert done.returncode == 4
    assert (b"\x1b[31m" in shown) is coloured


def test_given_a_name_with_control_characters_when_reported_then_the_terminal_is_not_rewritten() -> None:
    answer = run_process("plan", "no\x1b[2Jsuch\x07.yaml")
    assert answer.code == 4
    assert "\x1b" not in answer.err
    assert "\\x1b[2J" in answer.err


def test_given_two_files_and_json_when_both_are_wrong_then_stderr_is_one_document(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", MINIMAL.replace("kind:", "kynd:"))
    write(tmp_path, "b.yaml", MINIMAL.replace("name: tiny\n", ""))
    answer = run_process("plan", "a.yaml", "b.yaml", "--json", cwd=tmp_path)
    assert (answer.code, answer.out) == (4, "")
    assert {problem["file"] for problem in answer.problems} == {"a.yaml", "b.yaml"}
    assert json.loads(answer.err)["schema"] == "ai-on-eks/error/v1"
