"""What Argo CD and Flux are told by, against the types that their definitions are generated from."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from gitops_types import MODULES, PACKAGES, problems_of

from ai_on_eks.aws.gitops.tree import gitops_objects
from ai_on_eks.aws.helm_release import HelmRelease, pinned_release
from ai_on_eks.catalog.versions import Kind, components
from ai_on_eks.descriptors.platform import Delivery, DeliveryMode, Platform
from ai_on_eks.descriptors.platform_gitops import GitOps, ManagedArgoCd
from ai_on_eks.descriptors.platform_network import Network

Json = dict[str, Any]

needs_types = pytest.mark.skipif(not MODULES.is_dir(), reason="`make test` installs the types of Argo CD and Flux")

MANAGED = ManagedArgoCd(
    identity_center_arn="arn:aws:sso:::instance/ssoins-0123456789abcdef",
    admin_groups=("01234567-89ab-cdef-0123-456789abcdef",),
)
KINDS = {
    *("AppProject", "Application", "ApplicationSet"),
    *("GitRepository", "HelmRelease", "HelmRepository", "Kustomization"),
}
OBJECTS: dict[str, list[Json]] = {
    "platform.yaml": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "models"}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "model-store", "namespace": "models"}},
    ]
}


def releases() -> Iterator[HelmRelease]:
    """Every chart that a platform can have, each behind the one before it: indices, registries, definitions."""
    charts = [name for name, one in components().items() if one.kind is Kind.CHART]
    for name, before in zip(charts, ("", *charts), strict=False):
        after = (before,) if before else ()
        yield pinned_release(name, namespace=name, namespace_labels={}, values={"replicas": [1, {}]}, after=after)


def told(managed: ManagedArgoCd | None = None) -> list[Json]:
    """The objects of both tools."""
    gitops = GitOps(repository="https://git.example.com/org/platform.git", managed_argo_cd=managed)
    platform = Platform(
        name="ai",
        region="us-east-1",
        account="111122223333",
        network=Network(availability_zones=("us-east-1a", "us-east-1b")),
        delivery=Delivery(mode=DeliveryMode.GITOPS, gitops=gitops),
    )
    objects = [one for found in gitops_objects(platform, OBJECTS, tuple(releases())).values() for one in found]
    return [one for one in objects if one["apiVersion"].partition("/")[0] in PACKAGES]


@needs_types
@pytest.mark.parametrize("managed", [None, MANAGED], ids=["own", "managed"])
def test_every_object_of_both_tools_fits_its_type(managed: ManagedArgoCd | None) -> None:
    objects = told(managed)
    assert {one["kind"] for one in objects} == KINDS
    assert {f"{one['kind']}/{one['metadata']['name']}": found for one in objects if (found := problems_of(one))} == {}


def misspelled(part: Json, name: str) -> None:
    part[f"{name}s"] = part.pop(name)


FAULTS: list[tuple[str, Callable[[Json], Any], str]] = [
    ("ApplicationSet", lambda spec: misspelled(spec, "goTemplate"), "goTemplates"),
    ("ApplicationSet", lambda spec: misspelled(spec["strategy"]["rollingSync"], "steps"), "stepss"),
    ("ApplicationSet", lambda spec: spec["template"]["spec"].pop("project"), "'project' is a required property"),
    (
        "ApplicationSet",
        lambda spec: spec["template"]["spec"]["source"].update(directory={"recursive": True}),
        "recursive",
    ),
    ("ApplicationSet", lambda spec: spec["syncPolicy"].update(preserveResourcesOnDeletion="yes"), "'yes'"),
    ("AppProject", lambda spec: spec["clusterResourceWhitelist"][0].update(version="v1"), "version"),
    ("AppProject", lambda spec: spec.update(sourceRepos="*"), "'*' is not of type 'array'"),
    ("Application", lambda spec: spec["source"].update(helm={"valueObject": {}}), "valueObject"),
    ("Application", lambda spec: spec["syncPolicy"]["retry"].update(limit="30"), "'30'"),
    ("Kustomization", lambda spec: misspelled(spec, "prune"), "'prune' is a required property"),
    ("Kustomization", lambda spec: spec.update(deletionPolicy=True), "True"),
    ("Kustomization", lambda spec: spec.update(dependsOn=["ai-cluster"]), "'ai-cluster'"),
    ("HelmRelease", lambda spec: spec["chart"]["spec"]["sourceRef"].update(kind="HelmRepo"), "HelmRepo"),
    ("HelmRelease", lambda spec: spec["upgrade"].update(crd="CreateReplace"), "crd"),
    ("HelmRepository", lambda spec: spec.pop("url"), "'url' is a required property"),
    ("GitRepository", lambda spec: spec["ref"].update(revision="main"), "revision"),
]


@needs_types
@pytest.mark.parametrize(("kind", "change", "problem"), FAULTS, ids=[f"{fault[0]}-{fault[2]}" for fault in FAULTS])
def test_a_fault_is_found(kind: str, change: Callable[[Json], Any], problem: str) -> None:
    one = deepcopy(next(found for found in told() if found["kind"] == kind))
    change(one["spec"])
    assert problem in " ".join(problems_of(one))


def test_the_lock_names_no_server() -> None:
    lock = json.loads((Path(__file__).parent / "gitops" / "package-lock.json").read_text(encoding="utf-8"))
    packages = [one for name, one in lock["packages"].items() if name]
    assert packages
    assert all(one["integrity"] and "resolved" not in one for one in packages)
