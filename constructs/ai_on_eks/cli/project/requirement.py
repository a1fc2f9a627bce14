"""How a new project names this package, so that its environment has the one that made it.

    installed from a repository    ai-on-eks[account,aws,cluster,review] @ git+URL@COMMIT
    installed from a folder        ai-on-eks[account,aws,cluster,review] @ file:///FOLDER    only where that folder is
    installed from an index        ai-on-eks[account,aws,cluster,review]==VERSION
    not installed, a source tree   as from a folder

Installers leave how they were asked in `direct_url.json` (PEP 610).
"""

from __future__ import annotations

import json
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from ai_on_eks.cli.parsing import PROGRAM

EXTRA = f"{PROGRAM}[account,aws,cluster,review]"
"""Optional dependencies of what a project's Makefile and pipeline run: doctor, synth, verify, review."""


def own_requirement() -> str:
    """A line for requirements.txt."""
    try:
        installed = distribution(PROGRAM)
    except PackageNotFoundError:
        return f"{EXTRA} @ {Path(__file__).resolve().parents[4].as_uri()}"
    return requirement_of(installed)


def requirement_of(installed: Distribution) -> str:
    """The line of a distribution."""
    told = installed.read_text("direct_url.json")
    if told is None:
        return f"{EXTRA}=={installed.version}"
    origin = json.loads(told)
    repository = origin.get("vcs_info")
    if repository is None:
        return f"{EXTRA} @ {origin['url']}"
    return f"{EXTRA} @ {repository['vcs']}+{origin['url']}@{repository['commit_id']}"


def is_of_this_machine(requirement: str) -> bool:
    """Whether nobody else can install it."""
    return " @ file:" in requirement
