"""The parts as one ApplicationSet of Argo CD, whose applications are synchronized step after step.

Steps need progressive syncs (beta since Argo CD 3.3, off by default). Where they are off, every application starts at
once and tries again until what it needs is there: the same end, later and with errors on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_on_eks.aws.gitops.parts import ORDER, Part
from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.catalog.gitops import argo_cd
from ai_on_eks.catalog.versions import OCI_SCHEME
from ai_on_eks.descriptors.platform import Platform
from ai_on_eks.descriptors.platform_gitops import GitOps

Json = dict[str, Any]

FOLDER = "argo-cd"
STEP_LABEL = "ai-on-eks/step"
DESTINATION = "in-cluster"
"""What a self-managed Argo CD calls its own cluster; the managed one is told to, in `cluster.yaml`."""

WAVE = "argocd.argoproj.io/sync-wave"
RETRY: Json = {"limit": 30, "backoff": {"duration": "10s", "factor": 2, "maxDuration": "5m"}}
"""About two hours, in which a cluster gets its first nodes and the slowest operator starts."""

SYNC_OPTIONS = ("ServerSideApply=true", "PruneLast=true", "FailOnSharedResource=true", "CreateNamespace=false")
"""Definitions are larger than what client-side apply can note; what is removed goes after what is new works."""


def argo_cd_objects(platform: Platform, gitops: GitOps, parts: Sequence[Part]) -> dict[str, list[Json]]:
    """Objects by file below the folder `argo-cd`."""
    files = {
        "applicationset.yaml": [_application_set(platform, gitops, parts)],
        "project.yaml": [_project(platform, gitops, parts)],
    }
    if gitops.managed_argo_cd is not None:
        files["cluster.yaml"] = [_registration(platform)]
    for part in parts:
        if part.releases:
            files[f"{part.name}/releases.yaml"] = [_chart(platform, release, part) for release in part.releases]
    return files


def project_name(platform: Platform) -> str:
    return platform.name


def _application_set(platform: Platform, gitops: GitOps, parts: Sequence[Part]) -> Json:
    elements = []
    for part in parts:
        if part.files:
            elements.append({"name": part.name, "path": f"{gitops.path}/{part.name}", "step": part.order})
        if part.releases:
            path = f"{gitops.path}/{FOLDER}/{part.name}"
            elements.append({"name": f"{part.name}-releases", "path": path, "step": part.order})
    steps = [order for order in ORDER if any(element["step"] == order for element in elements)]
    return {
        **_head("ApplicationSet", platform.name),
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"list": {"elements": elements}}],
            "strategy": {
                "type": "RollingSync",
                "rollingSync": {
                    "steps": [
                        {"matchExpressions": [{"key": STEP_LABEL, "operator": "In", "values": [step]}]}
                        for step in steps
                    ]
                },
            },
            # Deleting the set deletes no platform.
            "syncPolicy": {"preserveResourcesOnDeletion": True},
            "template": {
                "metadata": {
                    "name": f"{platform.name}-{{{{.name}}}}",
                    "labels": {STEP_LABEL: "{{.step}}"},
                },
                "spec": {
                    "project": project_name(platform),
                    "source": {
                        "repoURL": gitops.repository,
                        "targetRevision": gitops.revision,
                        "path": "{{.path}}",
                        "directory": {"recurse": True},
                    },
                    "destination": {"name": DESTINATION},
                    "syncPolicy": _sync_policy(),
                },
            },
        },
    }


def _project(platform: Platform, gitops: GitOps, parts: Sequence[Part]) -> Json:
    """What the applications may come from and go to, instead of Argo CD's default project, which allows everything."""
    releases = [release for part in parts for release in part.releases]
    namespaces = {release.namespace for release in releases} | {argo_cd()["namespace"]}
    namespaces |= {part.name for part in parts if part.order == ORDER[-1]}
    return {
        **_head("AppProject", project_name(platform)),
        "spec": {
            "description": f"The AI platform {platform.name} and its models",
            "sourceRepos": sorted({gitops.repository, *(_chart_repository(release) for release in releases)}),
            "destinations": [{"name": DESTINATION, "namespace": name} for name in sorted(namespaces)],
            # operators bring definitions, roles and webhooks of their own
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    }


def _chart(platform: Platform, release: HelmRelease, part: Part) -> Json:
    head = _head("Application", f"{platform.name}-{release.name}")
    head["metadata"] |= {"annotations": {WAVE: str(_depth(release, part.releases))}}
    return {
        **head,
        "spec": {
            "project": project_name(platform),
            "source": {
                "repoURL": _chart_repository(release),
                "chart": release.chart,
                "targetRevision": release.version,
                "helm": {"releaseName": release.name, "valuesObject": release.values},
            },
            "destination": {"name": DESTINATION, "namespace": release.namespace},
            "syncPolicy": _sync_policy(),
        },
    }


def _chart_repository(release: HelmRelease) -> str:
    """Argo CD tells registries from indices by the scheme that is not there."""
    return release.repository.removeprefix(OCI_SCHEME)


def _depth(release: HelmRelease, releases: Sequence[HelmRelease]) -> int:
    """How many releases of the part stand before it, one after the other."""
    before = [one for one in releases if one.name in release.after]
    return 1 + max(_depth(one, releases) for one in before) if before else 0


def _registration(platform: Platform) -> Json:
    """A managed Argo CD knows no cluster by itself, its own one neither. Nothing in it is secret."""
    arn = f"arn:aws:eks:{platform.region}:{platform.account}:cluster/{platform.name}"
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": DESTINATION,
            "namespace": argo_cd()["namespace"],
            "labels": {"argocd.argoproj.io/secret-type": "cluster"},
        },
        "stringData": {"name": DESTINATION, "server": arn, "project": project_name(platform)},
    }


def _sync_policy() -> Json:
    return {
        "automated": {"prune": True, "selfHeal": True},
        "syncOptions": list(SYNC_OPTIONS),
        "retry": RETRY,
    }


def _head(kind: str, name: str) -> Json:
    found = argo_cd()
    return {
        "apiVersion": found["api_version"],
        "kind": kind,
        "metadata": {"name": name, "namespace": found["namespace"]},
    }
