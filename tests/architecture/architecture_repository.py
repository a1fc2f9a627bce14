"""The repository as it is on disk, without what was installed or generated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOT = ROOT / "constructs"
LIBRARY = SOURCE_ROOT / "ai_on_eks"

NOT_OURS = frozenset(
    {
        ".git", ".venv", "node_modules", "build", "cdk.out", "__pycache__",
        ".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis",
    }
)  # fmt: skip
"""What .gitignore names, and Git's own."""


def files(root: Path = ROOT) -> Iterator[Path]:
    """Every file of ours below `root`, sorted."""
    for entry in sorted(root.iterdir()):
        if entry.name in NOT_OURS:  # in a linked worktree .git is a file
            continue
        if entry.is_dir() and not entry.is_symlink():
            if not entry.name.endswith(".egg-info"):
                yield from files(entry)
        elif entry.is_file():
            yield entry
