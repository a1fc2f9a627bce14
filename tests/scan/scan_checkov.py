"""Checkov over a folder of pods, in one process, and what it says by kind of pod.

It knows Pod, Deployment and the like, and nothing of what makes the pods of LeaderWorkerSet or RayService. So it is
given the pods themselves, and beside them every other object it may know.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from scan_objects import Files

from ai_on_eks.kube.objects.job import JOB_LABEL
from ai_on_eks.review.rules.assembly import read_assembly
from ai_on_eks.review.rules.pods import Pod, expand
from ai_on_eks.serving.ownership import COMPONENT_LABEL, NAME_LABEL

CORE_GROUPS = ("", "apps", "autoscaling", "batch", "networking.k8s.io", "policy", "rbac.authorization.k8s.io")


class Scanned(Struct, frozen=True):
    """One object that Checkov is given. `kind` is a kind of pod, or that of an object beside pods; `origin` says where
    it comes from."""

    kind: str
    origin: str
    manifest: dict[str, Any]


class Report(Struct, frozen=True):
    """What one process said: checks that failed, each with the object, and how many objects and checks there were."""

    failed: tuple[tuple[str, Scanned], ...]
    names: dict[str, str]
    resources: int
    passed: int
    not_read: int

    def by_kind(self) -> dict[tuple[str, str], str]:
        """An example of each failed check and kind."""
        return {(check, one.kind): one.origin for check, one in self.failed}


def kind_of(pod: Pod) -> str:
    """Its controller's kind, with its part where one controller makes several or several purposes have one."""
    part = pod.role or pod.labels.get(JOB_LABEL) or pod.labels.get(COMPONENT_LABEL) or pod.labels.get(NAME_LABEL)
    return f"{pod.owner.kind} {part}"


def scanned(rendered: Iterable[tuple[str, Files]]) -> list[Scanned]:
    """Every pod, and every other object of Kubernetes' own, once for each content."""
    found: dict[str, Scanned] = {}
    for origin, files in rendered:
        for one in _of(origin, files):
            found.setdefault(json.dumps([one.kind, one.manifest["spec"]] if _is_pod(one) else one.manifest), one)
    return [*found.values()]


def _is_pod(one: Scanned) -> bool:
    return bool(one.manifest["kind"] == "Pod")


def _of(origin: str, files: Files) -> Iterator[Scanned]:
    assembly = read_assembly({}, files)
    for owner in assembly.objects:
        pods = [*expand(owner, assembly)]
        where = f"{origin}: {owner.kind} {owner.name}"
        for pod in pods:
            name = f"{owner.name} {pod.role}".strip().replace(" ", "-")
            metadata = {"name": name, "namespace": owner.namespace, "labels": dict(pod.labels)}
            manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": dict(pod.spec)}
            yield Scanned(kind_of(pod), where, manifest)
        if not pods and owner.group in CORE_GROUPS:
            yield Scanned(owner.kind, where, dict(owner.body))


def run_checkov(python: str, objects: list[Scanned], folder: Path) -> Report:
    """One process over all objects. It downloads nothing and reports to nobody: what it would reach is closed to it."""
    for number, one in enumerate(objects):
        (folder / f"{number:04}.json").write_text(json.dumps(one.manifest), encoding="utf-8")
    command = [python, "-m", "checkov.main", "--directory", str(folder), "--framework", "kubernetes"]
    done = subprocess.run(
        [*command, "--skip-download", "--compact", "--output", "json"],
        cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout)
    results, summary = report["results"], report["summary"]
    failed = [(one["check_id"], objects[int(Path(one["file_path"]).stem)]) for one in results["failed_checks"]]
    return Report(
        failed=tuple(failed),
        names={one["check_id"]: one["check_name"] for one in results["failed_checks"]},
        resources=summary["resource_count"],
        passed=summary["passed"],
        not_read=summary["parsing_errors"],
    )


def _environment(folder: Path) -> dict[str, str]:
    """No settings of whoever runs it, no news of releases, and every way out through a port that nobody listens on."""
    nowhere = "http://127.0.0.1:9"
    ways = {f"{kind}_proxy": nowhere for kind in ("http", "https", "all")}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "CKV_SKIP_PACKAGE_UPDATE_CHECK": "True",
        **ways,
        **{name.upper(): value for name, value in ways.items()},
    }
