"""`ai-on-eks review`: two folders, or a revision beside the working tree; nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from cli_running import process_environment, run_here

from ai_on_eks.review.markdown.comment import MARKER

VPC = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}}

APP = """\
import json, pathlib, sys
from mark import CIDR
out = pathlib.Path("cdk.out")
out.mkdir()
vpc = {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": CIDR}}
(out / "ai-network.template.json").write_text(json.dumps({"Resources": {"Vpc": vpc}}))
"""
"""A synthesis of one network, whose module `mark` lies in the source root as the library does."""

ALLOWED = """\
version: 1
allow_destroy:
  - {stack: ai-network, logical_id: Vpc, release: 0.2.0, reason: a larger network, expires: "2099-12-31"}
"""


def write_folder(folder: Path, cidr: str) -> str:
    (folder / "cdk.out").mkdir(parents=True)
    vpc = {**VPC, "Properties": {"CidrBlock": cidr}}
    (folder / "cdk.out" / "ai-network.template.json").write_text(json.dumps({"Resources": {"Vpc": vpc}}))
    return str(folder)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    return write_folder(tmp_path / "before", "10.0.0.0/16"), write_folder(tmp_path / "after", "10.1.0.0/16")


def test_given_a_replacement_when_reviewed_then_it_is_a_finding_and_both_documents_are_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folders: tuple[str, str]
) -> None:
    before, after = folders
    answer = run_here(capsys, "review", "--before", before, "--after", after, "-o", str(tmp_path / "out"))
    assert answer.code == 1
    assert answer.out.startswith(f"{MARKER}\n## Platform review: blocked\n")
    told = "review: blocked, 1 destructive change not allowed by allow-destroy.yaml"
    assert answer.err == f"{told}: {tmp_path}/out/review.md\n"
    assert (tmp_path / "out" / "review.md").read_text(encoding="utf-8").rstrip("\n") == answer.out.rstrip("\n")
    document = json.loads((tmp_path / "out" / "review.json").read_text(encoding="utf-8"))
    assert (document["schema"], document["verdict"]) == ("ai-on-eks/review/v1", "blocked")
    assert document["compared"] == {"before": before, "after": after}
    assert [one["logical_id"] for one in document["replacement"]["resources"]] == ["Vpc"]
    assert document["placement"] is None, "no plan was written, and that is unknown"


def test_given_an_entry_that_names_it_when_reviewed_then_it_passes(
    capsys: pytest.CaptureFixture[str], folders: tuple[str, str]
) -> None:
    before, after = folders
    (Path(after) / "allow-destroy.yaml").write_text(ALLOWED, encoding="utf-8")
    answer = run_here(capsys, "review", "--before", before, "--after", after, "--json")
    assert (answer.code, answer.data["verdict"]) == (0, "passed")
    assert answer.data["replacement"]["resources"][0]["allowance"]["reason"] == "a larger network"


def test_given_another_file_of_entries_when_reviewed_then_it_counts(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folders: tuple[str, str]
) -> None:
    allowances = tmp_path / "allowed.yaml"
    allowances.write_text(ALLOWED, encoding="utf-8")
    before, after = folders
    assert run_here(capsys, "review", "--before", before, "--after", after, "--allow", str(allowances)).code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["--before", "a"], ["--after", "a"],
        ["--base", "main", "--before", "a"], ["--base", "main", "--after", "a"],
        ["--before", "a", "--after", "b", "--platform", "p.yaml"],
    ],
)  # fmt: skip
def test_given_neither_or_both_ways_when_reviewed_then_it_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    answer = run_here(capsys, "review", *arguments, "--json")
    assert (answer.code, answer.codes) == (2, ["wrong-usage"])


def test_given_a_folder_that_is_not_synthesized_when_reviewed_then_it_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, folders: tuple[str, str]
) -> None:
    answer = run_here(capsys, "review", "--before", str(tmp_path), "--after", folders[1], "--json")
    assert (answer.code, answer.codes) == (2, ["nothing-synthesized"])


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A committed project whose synthesis takes no time; temporary folders lie where the test can look."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    folder = tmp_path / "project"
    (folder / "constructs").mkdir(parents=True)
    (folder / "cdk.json").write_text('{"app": "python app.py"}', encoding="utf-8")
    (folder / "app.py").write_text(APP, encoding="utf-8")
    (folder / "constructs" / "mark.py").write_text('CIDR = "10.0.0.0/16"\n', encoding="utf-8")
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "as it is")
    monkeypatch.chdir(folder)
    return folder


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=tester", "-c", "user.email=tester@localhost", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def assert_nothing_left(repository: Path) -> None:
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert list((repository.parent / "scratch").iterdir()) == []


def test_given_uncommitted_changes_when_reviewed_with_a_base_then_each_side_is_made_with_its_own_sources(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    (repository / "constructs" / "mark.py").write_text("from other import CIDR\n", encoding="utf-8")
    (repository / "constructs" / "other.py").write_text('CIDR = "10.1.0.0/16"\n', encoding="utf-8")  # not yet added
    index = git(repository, "ls-files", "--stage")
    answer = run_here(capsys, "review", "--base", "main", "--json")
    assert answer.code == 1, answer.err
    (found,) = answer.data["replacement"]["resources"]
    assert (found["logical_id"], found["properties"]) == ("Vpc", ["CidrBlock"])
    assert answer.data["compared"] == {
        "before": f"main at {git(repository, 'rev-parse', 'main')[:12]}",
        "after": "working tree",
    }
    assert git(repository, "ls-files", "--stage") == index, "the index stays as it was"
    assert_nothing_left(repository)


def test_given_a_platform_when_reviewed_with_a_base_then_both_applications_are_told(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    told = "import json, os\nCIDR = json.loads(os.environ['CDK_CONTEXT_JSON'])['platform']\n"
    (repository / "constructs" / "mark.py").write_text(told, encoding="utf-8")
    git(repository, "commit", "--quiet", "--all", "--message", "told")
    (repository / "constructs" / "mark.py").write_text(f"{told}CIDR = CIDR.upper()\n", encoding="utf-8")
    answer = run_here(capsys, "review", "--base", "main", "--platform", "production.yaml", "--json")
    (found,) = answer.data["replacement"]["resources"]
    assert found["properties"] == ["CidrBlock"]


def test_given_cfn_lint_when_reviewed_then_what_it_objects_to_is_new_and_it_is_named(
    capsys: pytest.CaptureFixture[str], folders: tuple[str, str]
) -> None:
    before, after = folders
    file = Path(after) / "cdk.out" / "ai-network.template.json"
    file.write_text(file.read_text(encoding="utf-8").replace("10.1.0.0/16", "10.1.0.0/99"), encoding="utf-8")
    security = run_here(capsys, "review", "--before", before, "--after", after, "--cfn-lint", "--json").data["security"]
    assert {one["scanner"] for one in security["added"]} == {"cfn-lint"}
    assert [one["place"] for one in security["added"]] == ["ai-network Resources/Vpc/Properties/CidrBlock"]
    assert "cfn-lint" in security["scanners"]
    workspace = {"Resources": {"Prometheus": {"Type": "AWS::APS::Workspace", "Properties": {}}}}
    file.write_text(json.dumps(workspace), encoding="utf-8")
    security = run_here(capsys, "review", "--before", before, "--after", after, "--cfn-lint", "--json").data["security"]
    assert security["added"] == [], "a type that other regions lack is no finding in this one"


def test_given_a_base_that_went_on_when_reviewed_then_the_commit_where_it_was_left_counts(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    git(repository, "checkout", "--quiet", "-b", "change")
    git(repository, "checkout", "--quiet", "main")
    (repository / "constructs" / "mark.py").write_text('CIDR = "10.2.0.0/16"\n', encoding="utf-8")
    git(repository, "commit", "--quiet", "--all", "--message", "went on")
    git(repository, "checkout", "--quiet", "change")
    answer = run_here(capsys, "review", "--base", "main", "--json")
    assert (answer.code, answer.data["changes_nothing"]) == (0, True), answer.err


def test_given_a_side_that_does_not_synthesize_when_reviewed_then_it_says_why_and_nothing_is_left(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    (repository / "app.py").write_text("raise SystemExit('platform.yaml: no such key')\n", encoding="utf-8")
    answer = run_here(capsys, "review", "--base", "main", "--json", "-o", str(repository.parent / "out"))
    assert (answer.code, answer.codes) == (1, ["synthesis-failed"])
    comment = (repository.parent / "out" / "review.md").read_text(encoding="utf-8")
    assert comment.startswith(f"{MARKER}\n## Platform review: not synthesized\n")
    assert "- `platform.yaml: no such key`" in comment
    document = json.loads((repository.parent / "out" / "review.json").read_text(encoding="utf-8"))
    assert (document["verdict"], document["problems"]) == ("not-synthesized", answer.problems)
    assert "the side after the change ended with 1" in answer.problems[0]["message"]
    assert "platform.yaml: no such key" in answer.problems[0]["message"]
    assert_nothing_left(repository)


def test_given_a_side_that_says_very_much_when_it_fails_then_the_end_of_it_is_told(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    talkative = "import sys\nfor i in range(200_000): print(i, file=sys.stderr)\nraise SystemExit('the end')\n"
    (repository / "app.py").write_text(talkative, encoding="utf-8")
    (problem,) = run_here(capsys, "review", "--base", "main", "--json").problems
    lines = problem["message"].splitlines()
    assert (len(lines), lines[-2:]) == (21, ["    199999", "    the end"])


def test_given_no_node_when_reviewed_then_that_is_told_and_not_a_traceback(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    starts_node = "import subprocess\nsubprocess.run(['node'], env={'PATH': '/nowhere'})\n"
    (repository / "app.py").write_text(starts_node, encoding="utf-8")
    (problem,) = run_here(capsys, "review", "--base", "main", "--json").problems
    assert problem["code"] == "missing-node"
    assert "Traceback" not in problem["message"]


@pytest.mark.parametrize(
    ("settings", "code", "problem"), [("{", 4, "not-json"), ('{"app": "python \'app.py"}', 1, "synthesis-failed")]
)
def test_given_settings_that_cannot_be_read_when_reviewed_then_it_is_told(
    capsys: pytest.CaptureFixture[str], repository: Path, settings: str, code: int, problem: str
) -> None:
    (repository / "cdk.json").write_text(settings, encoding="utf-8")
    answer = run_here(capsys, "review", "--base", "main", "--json")
    assert (answer.code, answer.codes) == (code, [problem])
    assert_nothing_left(repository)


@pytest.mark.parametrize("reference", ["nowhere", "--upload-pack=touch x", "main^{tree}"])
def test_given_no_such_revision_when_reviewed_then_it_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], repository: Path, reference: str
) -> None:
    answer = run_here(capsys, "review", f"--base={reference}", "--json")
    assert (answer.code, answer.codes) == (2, ["unknown-revision"])
    assert_nothing_left(repository)


def test_given_no_common_commit_when_reviewed_then_it_is_told_how_to_get_the_history(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    git(repository, "checkout", "--quiet", "--orphan", "elsewhere")
    git(repository, "commit", "--quiet", "--message", "a beginning of its own")
    answer = run_here(capsys, "review", "--base", "main", "--json")
    assert (answer.code, answer.codes) == (2, ["no-common-history"])


def test_given_no_repository_when_reviewed_with_a_base_then_git_s_reason_is_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.chdir(tmp_path)
    answer = run_here(capsys, "review", "--base", "main", "--json")
    assert (answer.code, answer.codes) == (2, ["git-failed"])


def test_given_other_requirements_when_reviewed_then_it_is_told_that_one_environment_serves_both_sides(
    capsys: pytest.CaptureFixture[str], repository: Path
) -> None:
    (repository / "requirements.txt").write_text("new==1\n", encoding="utf-8")
    assert "requirements.txt changed" in run_here(capsys, "review", "--base", "main").err


WITH_DEFAULT_SIGNALS = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""What a shell starts in the background ignores SIGINT, and so would each child of a suite that was started there."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_given_a_signal_when_it_synthesizes_then_worktrees_and_processes_are_gone(
    repository: Path, number: signal.Signals
) -> None:
    waiting = "import pathlib, time\npathlib.Path('started').touch()\ntime.sleep(60)\n"
    (repository / "app.py").write_text(waiting, encoding="utf-8")
    scratch = repository.parent / "scratch"
    process = subprocess.Popen(
        [sys.executable, "-c", WITH_DEFAULT_SIGNALS, "-m", "ai_on_eks", "review", "--base", "main"],
        env=process_environment({"TMPDIR": str(scratch)}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wanted = time.monotonic() + 30
    while not list(scratch.glob("*/after/started")) and time.monotonic() < wanted:
        time.sleep(0.02)
    os.kill(process.pid, number)
    assert process.wait(timeout=30) == 130
    assert_nothing_left(repository)
