"""The parts as Kustomizations of Flux that depend on one another, and each chart as a HelmRelease."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_on_eks.aws.gitops.parts import Part, waits_for
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.catalog.gitops import flux
from ai_on_eks.catalog.versions import OCI_SCHEME
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_gitops import GitOps

Json = dict[str, Any]

FOLDER = "flux"
INTERVAL = "10m"
RETRY_INTERVAL = "1m"
TIMEOUT = "30m"
"""A part is waited for: nodes start, images of 10 GB are pulled, weights are read."""


def flux_objects(platform: Platform, gitops: GitOps, parts: Sequence[Part]) -> dict[str, list[Json]]:
    """Objects by file below the folder `flux`."""
    files = {"platform.yaml": [_repository(platform, gitops), *_kustomizations(platform, gitops, parts)]}
    for part in parts:
        if part.releases:
            sources = {release.repository: _source(platform, release) for release in part.releases}
            files[f"{part.name}/releases.yaml"] = [
                *sources.values(),
                *(_release(platform, release, part) for release in part.releases),
            ]
    return files


def _repository(platform: Platform, gitops: GitOps) -> Json:
    return {
        **_head("source", "GitRepository", platform.name),
        "spec": {"url": gitops.repository, "ref": {"branch": gitops.revision}, "interval": RETRY_INTERVAL},
    }


def _kustomizations(platform: Platform, gitops: GitOps, parts: Sequence[Part]) -> list[Json]:
    """One for each folder. A chart's objects stand in a folder of Flux's own, behind the part's own files."""
    names = {part.name: [name for name, _ in _folders(part, gitops)] for part in parts}
    found = []
    for part in parts:
        before = [name for earlier in waits_for(part, parts) for name in names[earlier]]
        for name, path in _folders(part, gitops):
            found.append(_kustomization(platform, name, path, before))
            before = [name]
    return found


def _folders(part: Part, gitops: GitOps) -> list[tuple[str, str]]:
    files = [(part.name, f"{gitops.path}/{part.name}")] if part.files else []
    releases = [(f"{part.name}-releases", f"{gitops.path}/{FOLDER}/{part.name}")] if part.releases else []
    return files + releases


def _kustomization(platform: Platform, name: str, path: str, before: Sequence[str]) -> Json:
    spec: Json = {
        "sourceRef": {"kind": "GitRepository", "name": platform.name},
        "path": f"./{path}",
        "interval": INTERVAL,
        "retryInterval": RETRY_INTERVAL,
        "timeout": TIMEOUT,
        "prune": True,
        "wait": True,
        # Deleting the Kustomization deletes no platform.
        "deletionPolicy": "Orphan",
    }
    if before:
        spec["dependsOn"] = [{"name": f"{platform.name}-{other}"} for other in before]
    return {**_head("kustomize", "Kustomization", f"{platform.name}-{name}"), "spec": spec}


def _source(platform: Platform, release: HelmRelease) -> Json:
    spec: Json = {"url": release.repository, "interval": INTERVAL}
    if release.repository.startswith(OCI_SCHEME):
        spec["type"] = "oci"
    return {**_head("source", "HelmRepository", _source_name(platform, release)), "spec": spec}


def _source_name(platform: Platform, release: HelmRelease) -> str:
    """From the address: charts of one repository share it."""
    _, _, place = release.repository.partition("://")
    return f"{platform.name}-{place.replace('/', '-').replace('.', '-').strip('-')}"


def _release(platform: Platform, release: HelmRelease, part: Part) -> Json:
    here = {one.name for one in part.releases}
    spec: Json = {
        "releaseName": release.name,
        "targetNamespace": release.namespace,
        "storageNamespace": release.namespace,
        "interval": INTERVAL,
        "timeout": TIMEOUT,
        "chart": {
            "spec": {
                "chart": release.chart,
                "version": release.version,
                "sourceRef": {"kind": "HelmRepository", "name": _source_name(platform, release)},
            }
        },
        # Helm alone never updates definitions that a chart brings beside its templates.
        "install": {"crds": "CreateReplace", "remediation": {"retries": 3}},
        "upgrade": {"crds": "CreateReplace", "remediation": {"retries": 3}},
        "values": release.values,
    }
    if before := sorted(here & set(release.after)):
        spec["dependsOn"] = [{"name": f"{platform.name}-{other}"} for other in before]
    return {**_head("helm", "HelmRelease", f"{platform.name}-{release.name}"), "spec": spec}


def _head(controller: str, kind: str, name: str) -> Json:
    found = flux()
    return {"apiVersion": found[controller], "kind": kind, "metadata": {"name": name, "namespace": found["namespace"]}}
