"""Which versions go together: Kubernetes, kubectl, Helm charts and EKS add-ons, read from `data/versions.json`.

    a component fits = the Kubernetes version is in its list, and what is installed is not older than its least there
    kubectl fits     = |minor of kubectl − minor of the cluster| ≤ 1

No template checker knows any of this: a wrong pair deploys and fails at run time, or half-way. The file is read when it
is first asked for, never on import.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from msgspec import Struct

from ai_on_eks.catalog.reading import read
from ai_on_eks.errors import InputError, Problem

PATH = "cluster.kubernetes_version"
"""Key of the platform file that one side of every pair comes from."""

OCI_SCHEME = "oci://"
"""Of a chart's repository that is a registry and has no index."""

_NUMBERS = re.compile(r"v?(\d+(?:\.\d+)*)")


class Kind(StrEnum):
    CHART = "charts"
    ADD_ON = "add_ons"


class Component(Struct, frozen=True):
    """Something that runs in a cluster.

    repository    of a chart; None for an EKS add-on
    version       what this package installs; None = EKS's default for the Kubernetes version
    least         oldest version by Kubernetes version; None = every one that its publisher offers for it
    newest_minor  newest minor version by Kubernetes version, where there is a bound
    seen          a default that was published, by Kubernetes version
    """

    name: str
    kind: Kind
    repository: str | None
    version: str | None
    least: Mapping[str, str | None]
    newest_minor: Mapping[str, str]
    seen: Mapping[str, str]
    source: str
    date: str


class KubectlLayer(Struct, frozen=True):
    """A Lambda layer with kubectl and Helm that is installed with this package."""

    kubectl: str
    package: str
    version: str
    helm: str


@cache
def kubernetes_versions() -> tuple[str, ...]:
    """What `cluster.kubernetes_version` may be, oldest first: in EKS standard support on the file's date."""
    return tuple(sorted(read("versions.json")["kubernetes"]["versions"], key=numbers))


def standard_support_ends(kubernetes: str) -> str | None:
    """The last day of EKS standard support of a version; None where it is not announced, or the file has no entry."""
    entry = read("versions.json")["kubernetes"]["versions"].get(kubernetes)
    ends: str | None = entry["standard_support_ends"] if entry else None
    return ends


@cache
def components() -> Mapping[str, Component]:
    """Every chart and add-on by name."""
    document = read("versions.json")
    return {name: _component(name, kind, entry) for kind in Kind for name, entry in sorted(document[kind].items())}


def chart(name: str) -> tuple[str, str]:
    """(repository, version) of a Helm chart."""
    known = components()[name]
    if known.repository is None or known.version is None:
        raise ValueError(f"{name} is no chart")
    return known.repository, known.version


def check_kubernetes(version: str) -> None:
    """Raise InputError for a version that EKS does not offer in standard support."""
    if version not in kubernetes_versions():
        raise InputError(
            Problem(
                code="kubernetes-version-unsupported",
                message=f"Kubernetes {version} is not in EKS standard support",
                path=PATH,
                value=version,
                allowed=kubernetes_versions(),
                fix=f'set it to "{kubernetes_versions()[-1]}"',
            )
        )


def mismatches(kubernetes: str, installed: Mapping[str, str | None]) -> list[Problem]:
    """Components, by name with their version, that do not go with this Kubernetes version. None as a version is EKS's
    default, which fits by definition; a name that is not in the file is the caller's mistake."""
    found = []
    for name, version in installed.items():
        fault = _fault(components()[name], kubernetes, version)
        if fault is not None:
            found.append(
                Problem(
                    code="versions-do-not-match",
                    message=f"{name} {version or 'of any version'} does not go with Kubernetes {kubernetes}: {fault}",
                    path=PATH,
                    value=kubernetes,
                    fix=f"use another Kubernetes version, or another version of {name}",
                )
            )
    return found


def kubectl_layer(kubernetes: str) -> KubectlLayer:
    """The layer nearest to the cluster's version, the newer of two. Raise InputError where none is near enough."""
    document = read("versions.json")["kubectl"]
    layers = document["layers"]
    nearest = min(layers, key=lambda kubectl: (_minors_apart(kubectl, kubernetes), tuple(-n for n in numbers(kubectl))))
    apart = _minors_apart(nearest, kubernetes)
    if apart > document["most_minors_apart"]:
        served = tuple(
            version
            for version in kubernetes_versions()
            if min(_minors_apart(kubectl, version) for kubectl in layers) <= document["most_minors_apart"]
        )
        raise InputError(
            Problem(
                code="versions-do-not-match",
                message=f"kubectl {nearest} does not go with Kubernetes {kubernetes}: they are {apart} minor versions "
                "apart, and kubectl serves one",
                path=PATH,
                value=kubernetes,
                allowed=served,
                fix=f'set it to "{served[0]}", or delivery.mode to render',
            )
        )
    return KubectlLayer(kubectl=nearest, **layers[nearest])


def kubectl_fault(kubectl: str, kubernetes: str) -> str | None:
    """Why a kubectl does not go with a cluster, in words."""
    apart, most = _minors_apart(kubectl, kubernetes), read("versions.json")["kubectl"]["most_minors_apart"]
    if apart <= most:
        return None
    return f"kubectl {kubectl} does not go with Kubernetes {kubernetes}: they are {apart} minor versions apart"


def numbers(version: str) -> tuple[int, ...]:
    """`'v1.22.4-eksbuild.3'` as (1, 22, 4). A text without a number is a defect of the data."""
    found = _NUMBERS.match(version)
    if found is None:
        raise ValueError(f"'{version}' is no version")
    return tuple(int(part) for part in found[1].split("."))


def _component(name: str, kind: Kind, entry: Mapping[str, Any]) -> Component:
    return Component(
        name=name,
        kind=kind,
        repository=entry.get("repository"),
        version=entry.get("version"),
        least=entry["least"],
        newest_minor=entry.get("newest_minor", {}),
        seen=entry.get("seen", {}),
        source=entry["source"],
        date=entry["date"],
    )


def _fault(component: Component, kubernetes: str, version: str | None) -> str | None:
    """Why they do not go together, in words."""
    if kubernetes not in component.least:
        return f"it is known to run on {', '.join(component.least)}"
    if version is None:
        return None
    least = component.least[kubernetes]
    if least is not None and numbers(version) < numbers(least):
        return f"that needs {least} or newer"
    newest = component.newest_minor.get(kubernetes)
    if newest is not None and numbers(version)[:2] > numbers(newest):
        return f"that takes {newest} at most"
    return None


def _minors_apart(one: str, other: str) -> int:
    return abs(numbers(one)[1] - numbers(other)[1])
