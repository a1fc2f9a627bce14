"""What a project has from this package: the application, its stacks and charts, the pinned command line.

    from a checkout   the files themselves
    installed         share/ai-on-eks of the environment, where the wheel puts the same files (pyproject.toml)

They are copied because they are the project's own: thin, and the place for what only it needs. The library beneath is a
dependency, so its corrections arrive by an update; CHANGELOG tells when the copied files have to follow.
"""

from __future__ import annotations

import sysconfig
from collections.abc import Mapping
from pathlib import Path

from ai_on_eks.errors import Problem, UsageError

MAKEFILE = "project.mk"
CONSTRAINTS = "requirements.txt"

COPIED = (
    ".github/workflows/pull-request.yml", ".npmrc", "app.py", "cdk.json", "k8s/*.py",
    "models/llama-3-1-8b-instruct.yaml", "package-lock.json", "package.json", "pipeline.py", "stacks/*.py",
)  # fmt: skip
"""Under the same name in the project. The first model is the smallest that most people know."""

RENAMED: Mapping[str, str] = {MAKEFILE: "Makefile", CONSTRAINTS: "constraints.txt"}


def template_folder() -> Path:
    """Where the files lie."""
    checkout = Path(__file__).resolve().parents[4]
    installed = Path(sysconfig.get_path("data")) / "share" / "ai-on-eks"
    for folder in (checkout, installed):
        if (folder / MAKEFILE).is_file() and (folder / "stacks").is_dir():
            return folder
    raise UsageError(
        Problem(
            code="template-missing",
            message="this installation has no project files beside it",
            file=str(installed),
            fix="install the package into a virtual environment of its own, or start from a clone",
        )
    )


def copied_files(folder: Path) -> dict[str, str]:
    """Text by its name in the project."""
    found = {path.relative_to(folder).as_posix(): path for pattern in COPIED for path in folder.glob(pattern)}
    found |= {new: folder / old for old, new in RENAMED.items()}
    return {name: path.read_text(encoding="utf-8") for name, path in sorted(found.items())}
