"""The workflow of a pull request, and its steps on a repository with three changes."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from review_workflow import MODEL, WORKFLOW, branch, git, repository, run_step, step, workflow

from ai_on_eks.review.markdown.comment import MARKER, MAX_CHARACTERS

PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")
ORDER = ("Destructive", "Cost", "Security", "Placement", "Kubernetes")


def uses() -> list[str]:
    return [one["uses"] for job in workflow()["jobs"].values() for one in job["steps"] if "uses" in one]


def test_every_action_is_pinned_by_hash_and_says_which_release_it_is() -> None:
    assert uses()
    assert [one for one in uses() if not PINNED.fullmatch(one)] == []
    lines = [line for line in WORKFLOW.read_text(encoding="utf-8").splitlines() if "uses:" in line]
    assert [line for line in lines if not re.search(r"# v\d+\.\d+\.\d+$", line)] == []


def test_the_tokens_can_read_but_for_the_comment_job_and_there_are_no_secrets() -> None:
    document = workflow()
    assert document["permissions"] == {}
    permissions = {name: job["permissions"] for name, job in document["jobs"].items()}
    assert permissions == {"review": {"contents": "read"}, "comment": {"pull-requests": "write"}}
    assert "secrets." not in WORKFLOW.read_text(encoding="utf-8")
    assert set(document[True]) == {"pull_request"}, "YAML reads `on` as a truth value"


def test_the_job_that_may_write_runs_nothing_of_the_pull_request() -> None:
    steps = workflow()["jobs"]["comment"]["steps"]
    assert [one["uses"].partition("@")[0] for one in steps if "uses" in one] == ["actions/download-artifact"]
    assert "make" not in step("comment", "Update the one comment")["run"]


def test_no_expression_is_put_into_shell_lines() -> None:
    """A branch or a title in `${{ }}` would be read as shell."""
    lines = [one["run"] for job in workflow()["jobs"].values() for one in job["steps"] if "run" in one]
    assert lines
    assert [line for line in lines if "${{" in line] == []


def test_the_checkout_keeps_no_token_and_has_the_history() -> None:
    (checkout,) = (one for one in workflow()["jobs"]["review"]["steps"] if "checkout" in one.get("uses", ""))
    assert checkout["with"] == {"fetch-depth": 0, "persist-credentials": False}


def test_the_marker_of_the_workflow_is_the_comment_s() -> None:
    assert step("comment", "Update the one comment")["env"]["MARKER"] == MARKER


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = repository(tmp_path_factory.mktemp("pull-request") / "project")
    model = f"models/{MODEL}.yaml"
    branch(folder, "harmless", "platform.yaml", "# The default platform", "# Our platform")
    branch(folder, "doubling", model, "  concurrency: 16\n", "  concurrency: 16\n  minimum_replicas: 2\n")
    branch(
        folder,
        "replacing",
        "constructs/ai_on_eks/aws/cluster.py",
        "cluster_name=platform.name,",
        'cluster_name=f"{platform.name}-2",',
    )
    return folder


def reviewed(project: Path, name: str) -> tuple[int, str, dict[str, Any]]:
    """Exit code, comment and document of the workflow's step on a branch."""
    git(project, "checkout", "--quiet", name)
    done = run_step("review", "Review", project, BASE="main")
    folder = project / "build" / "review"
    assert (folder / "review.md").exists(), done.stderr
    text = (folder / "review.md").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads((folder / "review.json").read_text(encoding="utf-8"))
    assert done.stdout.rstrip("\n") == text.rstrip("\n")
    assert git(project, "worktree", "list").count("\n") == 0, "worktrees are removed"
    assert git(project, "status", "--porcelain") == ""
    return done.returncode, text, document


def check_comment(text: str) -> None:
    assert text.startswith(f"{MARKER}\n## Platform review: ")
    assert len(text.encode("utf-16-le")) // 2 <= MAX_CHARACTERS
    summaries = re.findall(r"^<summary>(\w+)", text, re.MULTILINE)
    assert tuple(summaries) == ORDER


def test_given_a_harmless_change_when_reviewed_then_nothing_changes(project: Path) -> None:
    code, text, document = reviewed(project, "harmless")
    check_comment(text)
    assert (code, document["verdict"], document["changes_nothing"]) == (0, "passed", True)


def test_given_a_change_that_doubles_the_cost_when_reviewed_then_it_passes_with_the_figures(project: Path) -> None:
    code, text, document = reviewed(project, "doubling")
    check_comment(text)
    assert (code, document["verdict"], document["changes_nothing"]) == (0, "passed", False)
    (line,) = (one for one in document["cost"]["lines"] if one["name"] == MODEL)
    assert line["after"]["usd_per_month"] == 2 * line["before"]["usd_per_month"]
    assert 0.8 < document["cost"]["delta_share"] < 1
    (move,) = document["placement"]
    assert (move["change"], move["reasons"]) == ("resized", ["serving.minimum_replicas: 1 to 2"])
    assert f"| models | `{MODEL}` |" in text


def test_given_a_change_that_replaces_the_cluster_when_reviewed_then_it_is_blocked(project: Path) -> None:
    code, text, document = reviewed(project, "replacing")
    check_comment(text)
    assert (code != 0, document["verdict"]) == (True, "blocked")
    resources = document["replacement"]["resources"]
    (cluster,) = (one for one in resources if one["type"] == "AWS::EKS::Cluster")
    assert (cluster["action"], cluster["properties"], cluster["blocks"]) == ("replaced", ["Name"], True)
    assert {one["cause"] for one in resources if one["cause"]} == {f"{cluster['stack']}/{cluster['logical_id']}"}
    assert text.splitlines()[1] == "## Platform review: blocked"


GH = """\
#!/bin/sh
echo "$@" >> "$CALLS"
case "$*" in
  *--paginate*) cat "$EXISTING" ;;
esac
"""


@pytest.fixture
def forge(tmp_path: Path) -> Path:
    """A folder with a stand-in of GitHub's command line that answers with the ids in `existing`."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "gh"
    program.write_text(GH, encoding="utf-8")
    program.chmod(0o755)
    (tmp_path / "review").mkdir()
    (tmp_path / "existing").write_text("", encoding="utf-8")
    return tmp_path


def commented(forge: Path, text: str | None) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """The comment job's step, and the calls it made to GitHub."""
    if text is not None:
        (forge / "review" / "review.md").write_text(text, encoding="utf-8")
    calls = forge / "calls"
    done = run_step(
        "comment",
        "Update the one comment",
        forge,
        PATH=f"{forge / 'bin'}:/usr/bin:/bin",
        CALLS=str(calls),
        EXISTING=str(forge / "existing"),
        REPOSITORY="org/name",
        NUMBER="7",
        MARKER=MARKER,
    )
    return done, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


BLOCKED, QUIET = (f"{MARKER}\n## Platform review: {verdict}\n" for verdict in ("blocked", "nothing changes"))


@pytest.mark.parametrize(
    ("text", "existing", "call"),
    [
        (BLOCKED, "", "api --silent --method POST repos/org/name/issues/7/comments --field body=@review/review.md"),
        (
            BLOCKED,
            "42\n43\n",
            "api --silent --method PATCH repos/org/name/issues/comments/42 --field body=@review/review.md",
        ),
        (QUIET, "42\n", "api --method DELETE repos/org/name/issues/comments/42"),
        (QUIET, "", None),
    ],
)
def test_given_a_review_when_commented_then_there_is_one_comment_or_none(
    forge: Path, text: str, existing: str, call: str | None
) -> None:
    (forge / "existing").write_text(existing, encoding="utf-8")
    done, calls = commented(forge, text)
    assert done.returncode == 0, done.stderr
    assert calls[0].startswith("api --paginate repos/org/name/issues/7/comments --jq ")
    assert calls[1:] == ([] if call is None else [call])


@pytest.mark.parametrize(
    ("text", "code"),
    [(None, 0), ("@everyone\n", 1), (f"{MARKER}\n" + "x" * 262_144, 1)],
    ids=["none", "foreign", "long"],
)
def test_given_no_review_when_commented_then_github_is_not_asked(forge: Path, text: str | None, code: int) -> None:
    done, calls = commented(forge, text)
    assert (done.returncode, calls) == (code, [])


def test_given_a_review_when_it_is_done_then_the_summary_shows_it(tmp_path: Path) -> None:
    summary = tmp_path / "summary"
    assert (
        run_step("review", "Show the review in the summary", tmp_path, GITHUB_STEP_SUMMARY=str(summary)).returncode == 0
    )
    assert not summary.exists()
    folder = tmp_path / "build" / "review"
    folder.mkdir(parents=True)
    (folder / "review.md").write_text(BLOCKED, encoding="utf-8")
    run_step("review", "Show the review in the summary", tmp_path, GITHUB_STEP_SUMMARY=str(summary))
    assert summary.read_text(encoding="utf-8") == BLOCKED
