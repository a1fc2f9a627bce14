"""A platform in parts that are applied one after the other.

    definitions -> operators -> cluster -> one part for each namespace
    charts of definitions, and the operators' namespaces    operators    what has no namespace    the models

A part waits for those before it: a NodePool needs Karpenter's definitions, a pod its namespace and its nodes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from ai_on_eks.aws.helm_release import HelmRelease
from ai_on_eks.errors import InputError, Problem

Json = dict[str, Any]
Objects = Sequence[Mapping[str, Any]]

DEFINITIONS, OPERATORS, CLUSTER = "definitions", "operators", "cluster"
NAMESPACED = "namespaces"
ORDER = (DEFINITIONS, OPERATORS, CLUSTER, NAMESPACED)

DEFINITIONS_SUFFIX = "-crd"
"""Charts that bring definitions alone are called so, by Karpenter, KServe and others."""

KEPT_KINDS = frozenset({"Namespace", "PersistentVolume", "PersistentVolumeClaim", "StorageClass"})
"""With a namespace everything in it goes, with a claim what is stored: no tool deletes them, people do."""

KEPT: Mapping[str, str] = {
    "argocd.argoproj.io/sync-options": "Prune=false,Delete=false",
    "kustomize.toolkit.fluxcd.io/prune": "disabled",
}
"""Annotations by which both tools leave an object that is no longer rendered."""


class Part(Struct, frozen=True):
    """A folder. files: objects by file name · releases: charts, which each tool has its own objects for"""

    name: str
    order: str
    files: Mapping[str, Sequence[Json]]
    releases: tuple[HelmRelease, ...] = ()


def parts_of(objects: Mapping[str, Objects], releases: Sequence[HelmRelease]) -> tuple[Part, ...]:
    """Rendered objects by the file that they are rendered to, and the charts that they need."""
    in_folders: dict[str, dict[str, list[Json]]] = {}
    for file, of_file in objects.items():
        for one in of_file:
            folder = one["metadata"].get("namespace") or CLUSTER
            in_folders.setdefault(folder, {}).setdefault(file.replace("/", "-"), []).append(_kept(one))
    reserved = in_folders.keys() & {DEFINITIONS, OPERATORS, NAMESPACED}
    if reserved:
        name = sorted(reserved)[0]
        raise InputError(
            Problem(
                code="namespace-reserved",
                message=f"a namespace called {name} would be mixed up with the folder of that name",
                path="namespace",
                value=name,
                fix="choose another namespace",
            )
        )
    namespaces = [_kept(found) for release in releases if (found := release.namespace_manifest()) is not None]
    definitions = tuple(release for release in releases if release.chart.endswith(DEFINITIONS_SUFFIX))
    operators = tuple(release for release in releases if release not in definitions)
    parts = (
        Part(DEFINITIONS, DEFINITIONS, {"namespaces.yaml": namespaces} if namespaces else {}, definitions),
        Part(OPERATORS, OPERATORS, {}, operators),
        Part(CLUSTER, CLUSTER, in_folders.pop(CLUSTER, {})),
        *(Part(name, NAMESPACED, files) for name, files in sorted(in_folders.items())),
    )
    return tuple(part for part in parts if part.files or part.releases)


def waits_for(part: Part, parts: Sequence[Part]) -> tuple[str, ...]:
    """The parts that have to be there before this one: all of the nearest step before it."""
    earlier = [one for one in parts if ORDER.index(one.order) < ORDER.index(part.order)]
    if not earlier:
        return ()
    nearest = max(ORDER.index(one.order) for one in earlier)
    return tuple(one.name for one in earlier if ORDER.index(one.order) == nearest)


def _kept(one: Mapping[str, Any]) -> Json:
    """The object, marked where it outlives its file."""
    if one["kind"] not in KEPT_KINDS:
        return dict(one)
    metadata = one["metadata"]
    return {**one, "metadata": {**metadata, "annotations": {**metadata.get("annotations", {}), **KEPT}}}
