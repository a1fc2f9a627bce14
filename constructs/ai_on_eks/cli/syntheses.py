"""Both sides of a change, each synthesized in a Git worktree of its own.

    before   the commit at which the working tree left the revision: what others merged there since is no part of it
    after    the working tree as it is, with everything that `git add -A` would take; index and files stay untouched

The environment is the one that runs this: its Python packages and Node serve both sides, the library and the stacks
are each side's own. Worktrees lie in a temporary folder and are removed whatever happens, an interrupt or a
termination included.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from msgspec import Struct

from ai_on_eks.cli.output import note
from ai_on_eks.cli.progress import progress
from ai_on_eks.cli.rendering import prefer_installed_node
from ai_on_eks.descriptors.documents import read_json
from ai_on_eks.errors import FindingsError, Problem, UsageError

DEFAULT_APP = "python app.py"
SOURCE_ROOT = "constructs"
SYNTHESIS_SECONDS = 600
"""A synthesis of the default platform takes 6 s; a thousand models under ten minutes."""
TOLD_LINES, TOLD_BYTES = 20, 2**14
"""Of what a failed synthesis wrote to stderr, from its end."""

NODE_NOT_FOUND = "No such file or directory: 'node'"
"""What Python says when the CDK's library starts Node.js and there is none: twenty lines of which this one counts."""

GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "ai-on-eks", "GIT_AUTHOR_EMAIL": "review@localhost",
    "GIT_COMMITTER_NAME": "ai-on-eks", "GIT_COMMITTER_EMAIL": "review@localhost",
}  # fmt: skip
"""Of the commit that holds the working tree for as long as the review runs; no branch names it."""


class Pair(Struct, frozen=True):
    """Two synthesized folders and what to call them."""

    before: Path
    after: Path
    before_label: str
    after_label: str


@contextmanager
def synthesized(reference: str, context: Mapping[str, str]) -> Iterator[Pair]:
    """Both sides, until the block ends.

    `context` is what `cdk synth -c` would give the application. A revision that does not exist is wrong usage; a side
    that does not synthesize ends the review with what it said.
    """
    root = Path(_git(Path.cwd(), "rev-parse", "--show-toplevel"))
    base = _left_at(root, reference)
    with _ending_on_termination(), tempfile.TemporaryDirectory(prefix="ai-on-eks-review-") as scratch:
        sides = {"before": base, "after": _working_tree(root, Path(scratch) / "index")}
        folders = {name: Path(scratch) / name for name in sides}
        try:
            for name, commit in sides.items():
                _git(root, "worktree", "add", "--quiet", "--detach", str(folders[name]), commit)
            _warn_of_other_requirements(root, **sides)
            _synthesize(folders, context)
            yield Pair(folders["before"], folders["after"], f"{reference} at {base[:12]}", "working tree")
        finally:
            for folder in folders.values():
                _run(root, "worktree", "remove", "--force", "--force", str(folder))
            _run(root, "worktree", "prune")


def _commit(root: Path, reference: str) -> str:
    done = _run(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    if done.returncode:
        raise UsageError(
            Problem(
                code="unknown-revision",
                message="this repository has no such revision",
                path="--base",
                value=reference,
                fix="git fetch, or name a branch, a tag or a commit",
            )
        )
    return done.stdout.strip()


def _left_at(root: Path, reference: str) -> str:
    """The commit at which the working tree's history left the revision."""
    done = _run(root, "merge-base", _commit(root, reference), "HEAD")
    if done.returncode:
        raise UsageError(
            Problem(
                code="no-common-history",
                message="nothing is known that the revision and the working tree have in common",
                path="--base",
                value=reference,
                fix="git fetch --unshallow, or name a revision that the working tree comes from",
            )
        )
    return done.stdout.strip()


def _working_tree(root: Path, index: Path) -> str:
    """A commit of the working tree, made through an index of its own."""
    environment = {"GIT_INDEX_FILE": str(index), **GIT_IDENTITY}
    _git(root, "read-tree", "HEAD", environment=environment)
    _git(root, "add", "--all", environment=environment)
    tree = _git(root, "write-tree", environment=environment)
    return _git(root, "commit-tree", tree, "-p", "HEAD", "-m", "working tree under review", environment=environment)


def _warn_of_other_requirements(root: Path, before: str, after: str) -> None:
    files = ("requirements.txt", "package-lock.json")
    changed = _git(root, "diff", "--name-only", before, after, "--", *files).split()
    if changed:
        note(f"warning: {', '.join(changed)} changed; both sides are synthesized with what is installed here")


def _synthesize(folders: Mapping[str, Path], context: Mapping[str, str]) -> None:
    """Both at once: each starts a Node of its own."""
    prefer_installed_node()
    outputs = {name: folder.parent / f"{name}.log" for name, folder in folders.items()}
    running: dict[str, subprocess.Popen[bytes]] = {}
    codes: dict[str, int | None] = {}
    try:
        for name, folder in folders.items():
            running[name] = _started(folder, outputs[name], context)
        with progress("synthesizing both sides", len(running)) as move_on:
            for name, process in running.items():
                codes[name] = process.wait(timeout=SYNTHESIS_SECONDS)
                move_on()
    except subprocess.TimeoutExpired:
        codes = {name: process.poll() for name, process in running.items()}
    finally:
        for process in running.values():
            if process.poll() is None:
                process.kill()
                process.wait()
    failed = [name for name, code in codes.items() if code != 0]
    if failed:
        raise FindingsError([_not_synthesized(name, codes[name], outputs[name]) for name in failed])


def _started(folder: Path, output: Path, context: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """The application of the folder's cdk.json, as the CDK command line would start it."""
    try:
        command = shlex.split(_app_of(folder / "cdk.json"))
    except ValueError as error:
        message, fix = f"the command `app` of cdk.json cannot be read: {str(error).lower()}", "close its quotes"
        raise FindingsError(Problem("synthesis-failed", message, fix=fix)) from None
    if command[0] in ("python", "python3"):
        command[0] = sys.executable
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("CDK_", "GIT_", "PYTHON"))}
    inherited["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])
    inherited["CDK_CONTEXT_JSON"] = json.dumps(context)
    inherited["PYTHONPATH"] = os.pathsep.join(map(str, (folder / SOURCE_ROOT, folder)))
    with output.open("wb") as stream:
        return subprocess.Popen(  # noqa: S603 - the project's own application
            command, cwd=folder, env=inherited, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream
        )


def _app_of(cdk_json: Path) -> str:
    """The command; the usual one where the file says none. A file that is no JSON is told as every other one is."""
    settings = read_json(cdk_json).value if cdk_json.exists() else None
    app = settings.get("app") if isinstance(settings, dict) else None
    return app if isinstance(app, str) and app.strip() else DEFAULT_APP


def _tail(output: Path) -> str:
    """The last lines that a synthesis wrote, of however many."""
    with output.open("rb") as stream:
        stream.seek(max(0, output.stat().st_size - TOLD_BYTES))
        text = stream.read(TOLD_BYTES).decode("utf-8", errors="replace")
    return "".join(f"\n    {line}" for line in text.splitlines()[-TOLD_LINES:])


def _not_synthesized(name: str, exit_code: int | None, output: Path) -> Problem:
    tail = _tail(output)
    if NODE_NOT_FOUND in tail:
        return Problem(
            code="missing-node",
            message="the stacks need Node.js 22 or 24, and there is no `node` on the PATH",
            value=exit_code,
            fix="make setup, which installs the pinned one, or install it from nodejs.org",
        )
    ended = f"did not end in {SYNTHESIS_SECONDS} s" if exit_code is None else f"ended with {exit_code}"
    return Problem(
        code="synthesis-failed",
        message=f"the synthesis of the side {name} the change {ended}{tail}",
        value=exit_code,
        fix="make synth there, and mend what it says",
    )


def _git(root: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> str:
    done = _run(root, *arguments, environment=environment)
    if done.returncode:
        message = f"git {arguments[0]} failed: {done.stderr.strip() or f'ended with {done.returncode}'}"
        raise UsageError(Problem("git-failed", message, fix="run this inside a Git repository with a commit"))
    return done.stdout.strip()


def _run(root: Path, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 - arguments are ours, names of revisions come after --end-of-options
            ["git", *arguments],  # noqa: S607 - whichever Git the user has
            cwd=root,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        fix = "install Git, or give --before and --after"
        raise UsageError(Problem("git-failed", "there is no `git` on the PATH", fix=fix)) from None


@contextmanager
def _ending_on_termination() -> Iterator[None]:
    """A termination unwinds like an interrupt does, so what was made is removed."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread, which alone may handle signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
