"""By which objects GitOps tools are told, read from `data/gitops.json`."""

from __future__ import annotations

from collections.abc import Mapping

from ai_on_eks.catalog.reading import read


def argo_cd() -> Mapping[str, str]:
    """`api_version` of its objects and the `namespace` that it looks for them in."""
    found: Mapping[str, str] = read("gitops.json")["argo_cd"]
    return found


def flux() -> Mapping[str, str]:
    """API version by controller, and the `namespace` of its objects."""
    found: Mapping[str, str] = read("gitops.json")["flux"]
    return found
