"""One of the two folders that a review compares: what `make synth` writes, and nothing else is read.

    cdk.out/**/*.template.json       templates, those of stages and nested stacks among them
    cdk.out/**/manifest.json         the region, from the environment of the stacks
    cdk.out/validation-report.json   what CDK's own validation and its plugins found
    build/manifests/**/*.yaml        Kubernetes objects
    build/plan.json                  what was planned

Only cdk.out/ has to be there: what an older version did not write is unknown, and the review says so. All of it may
come from a stranger's pull request, so sizes, numbers of files and nesting are bounded before anything is built, and
links are not followed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ai_on_eks.descriptors.document import read_text, refuse
from ai_on_eks.descriptors.documents import parse_yaml
from ai_on_eks.descriptors.json_reading import Limits, parse_json
from ai_on_eks.errors import Problem, UsageError
from ai_on_eks.review.rules.assembly import Assembly, KubeObject, read_assembly
from ai_on_eks.review.rules.values import items

TEMPLATE_SUFFIX = ".template.json"
CLOUD_ASSEMBLY = "cdk.out"
MANIFESTS = Path("build") / "manifests"
PLAN = Path("build") / "plan.json"

MAX_TEMPLATE_BYTES = 4 * 2**20
"""CloudFormation takes 1 MB; the file is indented."""
MAX_PLAN_BYTES = 64 * 2**20
"""A model has about 165 kB in it."""
MAX_MANIFEST_BYTES = 2**20
MAX_FILES = 2000
"""Of one kind in one folder."""

TEMPLATE = Limits(depth=64, nodes=200_000, what="a template of a synthesis")
PLANNED = Limits(depth=32, nodes=4_000_000, what="a plan of a synthesis")
REPORTED = Limits(depth=32, nodes=1_000_000, what="a report of a synthesis")

_DOCUMENT = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)

Json = Mapping[str, Any]


class Violation(Struct, frozen=True):
    """What a scanner that ran in the synthesis objects to, at one resource."""

    scanner: str
    rule: str
    message: str
    severity: str
    place: str


class Side(Struct, frozen=True):
    """What was read.

    templates   by the name of the stack: the path below cdk.out without its suffix
    assembly    the same and every Kubernetes object, as the rules read them
    rendered    objects by file below build/manifests; None = there is no such folder
    violations  of the scanners that ran in the synthesis; None = no report was written
    plan        build/plan.json; None = none was written
    region      of the stacks; None where they name none or several
    """

    templates: Mapping[str, Json]
    assembly: Assembly
    rendered: Mapping[str, tuple[Json, ...]] | None
    violations: tuple[Violation, ...] | None
    plan: Json | None
    region: str | None


def read_side(folder: Path) -> Side:
    """Everything of one folder. What is malformed raises an `InputError`, a folder without cdk.out a `UsageError`."""
    cdk_out = folder / CLOUD_ASSEMBLY
    if not cdk_out.is_dir():
        message = f"holds no {CLOUD_ASSEMBLY}/, which `make synth` writes"
        raise UsageError(Problem("nothing-synthesized", message, file=str(folder), fix="run `make synth` there first"))
    templates = {
        path.relative_to(cdk_out).as_posix().removesuffix(TEMPLATE_SUFFIX): _template(path)
        for path in _files(cdk_out, TEMPLATE_SUFFIX)
    }
    rendered = _rendered(folder / MANIFESTS)
    assembly = read_assembly(templates)
    embedded = {_identity(one.body) for one in assembly.objects}
    for file, bodies in (rendered or {}).items():
        assembly.objects += [
            KubeObject(body, file, f"{body.get('kind')}/{_identity(body)[2]}", assembly)
            for body in bodies
            if _identity(body) not in embedded
        ]
    return Side(
        templates=templates,
        assembly=assembly,
        rendered=rendered,
        violations=_violations(cdk_out / "validation-report.json"),
        plan=_json(folder / PLAN, MAX_PLAN_BYTES, PLANNED),
        region=_region(_files(cdk_out, "manifest.json")),
    )


def _files(folder: Path, suffix: str) -> list[Path]:
    """Regular files below the folder, sorted; links are left out."""
    found: list[Path] = []
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("asset."))
        found += [Path(root) / name for name in sorted(names) if name.endswith(suffix)]
        if len(found) > MAX_FILES:
            raise refuse("too-many-values", f"more than {MAX_FILES:,} files *{suffix}", str(folder))
    return [path for path in found if path.is_file() and not path.is_symlink()]


def _template(path: Path) -> Json:
    value = _json(path, MAX_TEMPLATE_BYTES, TEMPLATE)
    resources = value.get("Resources", {}) if isinstance(value, dict) else None
    if not isinstance(value, dict) or not _are_resources(resources):
        raise refuse("not-a-template", "has no resources with a type each", str(path), fix="synthesize again")
    return value


def _are_resources(resources: Any) -> bool:
    return isinstance(resources, dict) and all(
        isinstance(one, dict) and isinstance(one.get("Type"), str) and isinstance(one.get("Properties", {}), dict)
        for one in resources.values()
    )


def _json(path: Path, limit_bytes: int, limits: Limits) -> Any:
    """The document, or None where there is no such file. A link counts as none."""
    if path.is_symlink() or not path.exists():
        return None
    return parse_json(read_text(path, limit_bytes), str(path), limits=limits).value


def _rendered(folder: Path) -> dict[str, tuple[Json, ...]] | None:
    if not folder.is_dir():
        return None
    return {path.relative_to(folder).as_posix(): tuple(_documents(path)) for path in _files(folder, ".yaml")}


def _documents(path: Path) -> Iterator[Json]:
    """Every document of the file that is a mapping; a line `---` ends one wherever it stands."""
    for part in _DOCUMENT.split(read_text(path, MAX_MANIFEST_BYTES)):
        if part.strip():
            value = parse_yaml(part, str(path)).value
            if isinstance(value, dict):
                yield value


def _identity(body: Json) -> tuple[str, str, str]:
    metadata = body.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name = str(metadata.get("name") or metadata.get("generateName"))
    return str(body.get("kind")), str(metadata.get("namespace") or "default"), name


def _violations(path: Path) -> tuple[Violation, ...] | None:
    report = _json(path, MAX_TEMPLATE_BYTES, REPORTED)
    if not isinstance(report, dict):
        return None
    try:
        return tuple(
            Violation(
                scanner=str(plugin["pluginName"]),
                rule=str(violation["ruleName"]),
                message=str(violation.get("description", "")),
                severity=str(violation.get("severity", "")),
                place=str(place.get("constructPath", "")),
            )
            for plugin in items(report.get("pluginReports"))
            for violation in items(plugin.get("violations"))
            for place in items(violation.get("violatingConstructs"))
        )
    except (AttributeError, KeyError, TypeError):
        raise refuse("not-a-report", "is no validation report of CDK", str(path), fix="synthesize again") from None


def _region(manifests: Iterable[Path]) -> str | None:
    """That of all stacks, those of stages among them; None where they are in several."""
    environments: set[str] = set()
    for path in manifests:
        manifest = _json(path, MAX_TEMPLATE_BYTES, REPORTED)
        artifacts = manifest.get("artifacts") if isinstance(manifest, dict) else None
        environments |= {
            str(one.get("environment", "")).rpartition("/")[2]
            for one in (artifacts.values() if isinstance(artifacts, dict) else ())
            if isinstance(one, dict) and one.get("type") == "aws:cloudformation:stack"
        }
    return environments.pop() if len(environments) == 1 else None
