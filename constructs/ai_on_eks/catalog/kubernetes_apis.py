"""Which kinds of object a Kubernetes version knows by itself, read from `data/kubernetes_apis.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ai_on_eks.catalog.reading import read

Kinds = Mapping[str, Sequence[str]]
"""Kinds by API version."""


def known_apis(kubernetes: str) -> Kinds | None:
    """Everything that the API server serves; None for a version that the file has no list of."""
    versions: Mapping[str, Kinds] = read("kubernetes_apis.json")["versions"]
    return versions.get(kubernetes)


def is_builtin_group(api_version: str) -> bool:
    """Whether Kubernetes itself defines the group, in any version of the file: `apps/v1` yes, `karpenter.sh/v1` no."""
    group = api_version.rpartition("/")[0]
    versions: Mapping[str, Kinds] = read("kubernetes_apis.json")["versions"]
    return any(known.rpartition("/")[0] == group for kinds in versions.values() for known in kinds)


def newer_versions(api_version: str, kind: str, kubernetes: str) -> tuple[str, ...]:
    """API versions of the same group that serve this kind."""
    group = api_version.rpartition("/")[0]
    known = known_apis(kubernetes) or {}
    return tuple(sorted(one for one, kinds in known.items() if one.rpartition("/")[0] == group and kind in kinds))
